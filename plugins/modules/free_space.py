#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make room on full file systems by removing what nobody will miss, and only as much as is needed."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: free_space
short_description: Make room on full file systems with what is surely dispensable
version_added: 0.1.0
description:
  - Removes packages that can be fetched again, then rotated logs from the oldest on, then old parts of the journal, and
    stops as soon as there is room enough.
  - Removes nothing else, nothing from another file system, and nothing that a process has open. Fails where that does
    not make room.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what could be removed; how much of it is needed shows only while it is done.
    support: full
options:
  places:
    description: Paths on the file systems that need room, such as their mount points.
    type: list
    elements: str
    required: true
  logs:
    description: Log files that the app writes. What was rotated from them may go, wherever they are.
    type: list
    elements: str
    default: []
  enough_percent:
    description: How much of a file system, and of its inodes, is to be free.
    type: int
    default: 10
  journal_mib:
    description: How much of the journal is kept, in MiB, where the journal is on such a file system.
    type: int
    default: 64
"""

EXAMPLES = r"""
- name: The root file system has room again
  rescue502.django.free_space:
    places: [/]
    logs: [/srv/shop/logs/gunicorn.log]
  become: true
"""

RETURN = r"""
removed:
  description: Paths of the files that were removed, or could be in check mode.
  returned: always
  type: list
  elements: str
freed_mib:
  description: How much space that gave, in MiB; with check mode, would give at most.
  returned: always
  type: int
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable, printable_tree
from ansible_collections.rescue502.django.plugins.module_utils.storage import removable_files

JOURNALS = ("/var/log/journal", "/run/log/journal")
MIB = 2**20
ARGUMENTS = {
    "places": {"type": "list", "elements": "str", "required": True},
    "logs": {"type": "list", "elements": "str", "default": []},
    "enough_percent": {"type": "int", "default": 10},
    "journal_mib": {"type": "int", "default": 64},
}


def short_of_space(places: list[str], percent: int) -> dict[int, str]:
    """The places that have not got room enough yet, by their file system's device."""
    found = {}
    for place in places:
        try:
            numbers, device = os.statvfs(place), os.stat(place).st_dev
        except OSError:
            continue
        space = numbers.f_bavail * 100 >= numbers.f_blocks * percent
        inodes = numbers.f_favail * 100 >= numbers.f_files * percent
        if not (space and inodes):
            found[device] = place
    return found


def remove(items: list[dict[str, Any]], places: list[str], percent: int) -> list[dict[str, Any]]:
    """Remove file after file while its file system lacks room. Returns those that were removed."""
    removed = []
    for item in items:
        if item["device"] in short_of_space(places, percent):
            try:
                folder, name = os.path.split(item["path"])
                safe_files.remove(os.path.join(safe_files.resolve(folder), name))
            except OSError:
                continue
            removed.append(item)
    return removed


def journal_size(folder: str) -> int:
    """What a journal's files take, in bytes."""
    total = 0
    for where, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
            except OSError:
                continue
    return total


def journals(devices: dict[int, str], keep_mib: int) -> list[str]:
    """Folders of the journal on these devices that hold more than is kept."""
    return [
        folder
        for folder in JOURNALS
        if os.path.isdir(folder) and os.stat(folder).st_dev in devices and journal_size(folder) > keep_mib * MIB
    ]


def shorten(module: AnsibleModule, folder: str, keep_mib: int) -> int:
    """Let journald remove its archived files. Returns the bytes that it gave."""
    before = journal_size(folder)
    status, out, err = module.run_command(
        ["journalctl", f"--directory={folder}", f"--vacuum-size={keep_mib}M", "--quiet"]
    )
    if status:
        module.warn(printable(f"journalctl could not shorten {folder}: {(err or out).strip()[-300:]}"))
    return max(0, before - journal_size(folder))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    places, percent, keep = (module.params[name] for name in ("places", "enough_percent", "journal_mib"))
    before = short_of_space(places, percent)
    if not before:
        module.exit_json(changed=False, removed=[], freed_mib=0)
    items = removable_files.find(set(before), module.params["logs"])
    if module.check_mode:
        paths = [item["path"] for item in items] + journals(before, keep)
        size = sum(item["bytes"] for item in items)
        module.exit_json(changed=bool(paths), removed=printable_tree(paths), freed_mib=size // MIB)
    undo_log.note_irreversible("fetched packages, rotated logs and old parts of the journal were removed to make room")
    gone = remove(items, places, percent)
    freed = sum(item["bytes"] for item in gone)
    for folder in journals(short_of_space(places, percent), keep):
        freed += shorten(module, folder, keep)
    result = {
        "changed": bool(gone or freed),
        "removed": printable_tree([item["path"] for item in gone]),
        "freed_mib": freed // MIB,
        "msg": f"{len(gone)} files removed, {freed // MIB} MiB freed",
    }
    # Little is better than nothing: it fails only where it could give no room at all.
    still = short_of_space(list(before.values()), 1)
    if still and not result["changed"]:
        module.fail_json(
            **{**result, "msg": f"nothing on {', '.join(still.values())} can go unasked: see by hand what fills it"}
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
