#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give a program its execute bits, where it is a file of its own, and nobody can lead root to another one."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: execute_bits
short_description: Let a program be executed by those who may read it
version_added: 0.3.0
description:
  - Adds the execute bit for the owner, and for the group and the others where they may read the file already. Nothing
    else about the file is changed.
  - Works on an opened file. C(ansible.builtin.file) is not used, because it works on a path, on which the app's user
    may have put something else a moment ago.
  - Follows a symbolic link only where root, or the owner of what it leads to, has made it. Refuses what is no regular
    file, a file that somebody linked in from elsewhere, and one that would run as its owner or group (set-user-ID,
    set-group-ID).
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether bits would be added.
    support: full
options:
  path:
    description: The program.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: The program can be executed
  rescue502.django.execute_bits:
    path: /srv/shop/venv/bin/gunicorn
  become: true
"""

RETURN = r"""
before:
  description: The mode that the file had, in octal.
  returned: success
  type: str
after:
  description: The mode that it has now, or would have in check mode.
  returned: success
  type: str
"""

import os
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import hard_links, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable


def add(path: str, check_only: bool) -> dict[str, Any]:
    """Add the execute bits: {changed, before, after}. Raises OSError, ValueError where the file is not to be run."""
    path = safe_files.resolve(path)
    program = safe_files.open_entry(path)
    try:
        status = os.fstat(program)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a file")
        if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
            raise ValueError("it would run as its owner or group, no matter who starts it")
        hard_links.require_own_name(path, status)
        before = stat.S_IMODE(status.st_mode)
        after = before | stat.S_IXUSR | (before & 0o044) >> 2
        if after != before and not check_only:
            undo_log.note(undo_log.owner_and_mode(path, status.st_uid, status.st_gid, after, status=status))
            os.fchmod(program, after)
    finally:
        os.close(program)
    return {"changed": after != before, "before": f"{before:04o}", "after": f"{after:04o}"}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    path = module.params["path"]
    try:
        found = add(path, module.check_mode)
    except ValueError as error:
        module.fail_json(msg=printable(f"{path} stays as it is: {error}. Nothing was changed."))
    except OSError as error:
        module.fail_json(msg=printable(f"{path}: {error.strerror or error}. Nothing was changed."))
    module.exit_json(**found)


if __name__ == "__main__":
    main()
