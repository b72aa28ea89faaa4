#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Let a unit open more files, by a file beside its own that can be taken away again."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: file_limit
short_description: Let a systemd unit open more files
version_added: 0.1.0
description:
  - Sets C(LimitNOFILE=) in a file of its own in the unit's C(.d) folder; the unit file itself is left as it is.
  - The limit becomes I(at_least), or four times I(current) where that is more, but never more than systemd itself may
    grant. Fails where that is no more than I(current).
  - Loads and restarts nothing.
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether the file would be written.
    support: full
  diff_mode:
    description: The file before and after.
    support: full
options:
  unit:
    description: The unit, with its suffix.
    type: str
    required: true
  current:
    description: The limit that was too low.
    type: int
    default: 0
  at_least:
    description: The limit to set, unless four times the present one is more.
    type: int
    default: 65536
"""

EXAMPLES = r"""
- name: The shop may open more files
  rescue502.django.file_limit:
    unit: shop.service
  become: true
"""

RETURN = r"""
limit:
  description: The limit that the file sets.
  returned: success
  type: int
path:
  description: The file.
  returned: success
  type: str
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log

UNITS = "/etc/systemd/system"
# Sorts last, so that it wins over other additions to the unit (systemd.unit(5)).
NAME = "zz-rescue502-file-limit.conf"
TEXT = """# Written by rescue502 for host/fd-limit. Where a leak was the cause and is repaired, this file can go.
[Service]
LimitNOFILE={limit}
"""
ARGUMENTS = {
    "unit": {"type": "str", "required": True},
    "current": {"type": "int", "default": 0},
    "at_least": {"type": "int", "default": 65536},
}


def grantable() -> int:
    """What systemd may grant: its own hard limit, above which only some systemds on some kernels can go."""
    with open("/proc/1/limits", encoding="utf-8") as file:
        match = re.search(r"^Max open files\s+\S+\s+(\d+)\s", file.read(), re.MULTILINE)
    return int(match.group(1)) if match else 2**20


def read(path: str) -> str:
    """A file's text; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def write(path: str, text: str) -> None:
    """Put the file there whole or not at all; systemd reads only what ends in .conf."""
    folder = os.path.realpath(os.path.dirname(path))
    undo_log.note_folder(folder)
    undo_log.note_file(os.path.join(folder, os.path.basename(path)), text.encode())
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    atomic_write.replace(path, text.encode(), 0o644)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    unit, current, wanted = (module.params[name] for name in ("unit", "current", "at_least"))
    if "/" in unit or not unit.endswith((".service", ".socket")):
        module.fail_json(msg=f"'{unit}' is no unit's name")
    path = os.path.join(UNITS, unit + ".d", NAME)
    limit = min(max(wanted, 4 * current), grantable())
    if limit <= current:
        module.fail_json(msg=f"systemd on this host may grant {limit} open files and no more: see fs.nr_open")
    before, after = read(path), TEXT.format(limit=limit)
    changed = before != after
    if changed and not module.check_mode:
        try:
            write(path, after)
        except OSError as error:
            module.fail_json(msg=f"{path}: {error.strerror or error}. Nothing was changed.")
    module.exit_json(changed=changed, limit=limit, path=path, diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
