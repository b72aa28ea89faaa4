# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Record what a task is about to change, for roles whose tasks are Ansible's own modules."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: undo_point
short_description: Record what is about to be changed, so that it can be undone
version_added: 0.3.0
description:
  - Notes a file, a folder, a unit or a membership as it is, in the record of the incident that the task belongs to.
    C(rescue502 undo INCIDENT) restores from it.
  - Does nothing where the task belongs to no incident (environment variable C(RESCUE502_INCIDENT)), as where a role is
    used alone. Is never reported as a change.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Records nothing.
    support: full
options:
  path:
    description: A file or folder whose owner or mode is about to be changed, or that is about to be made.
    type: path
  copy_of:
    description: The file of which O(path) is about to become a copy.
    type: path
  adds_mode:
    description: Permission bits that O(path) is about to get, as an octal number, where it is there already.
    type: str
  unit:
    description: A unit that is about to be enabled or unmasked.
    type: str
  user:
    description: An account that is about to be put into O(group).
    type: str
  group:
    description: The group.
    type: str
  irreversible:
    description: Something that is about to be done and is not taken back by itself, in words.
    type: str
  by_hand:
    description: The commands with which a person takes that back.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: The program's mode is on record
  rescue502.django.undo_point:
    path: /srv/shop/venv/bin/gunicorn
    adds_mode: "0111"
  become: true
"""

RETURN = r"""
recorded:
  description: Whether the task belongs to an incident.
  returned: success
  type: bool
"""

import os
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log

ARGUMENTS = {
    "path": {"type": "path"},
    "copy_of": {"type": "path"},
    "adds_mode": {"type": "str"},
    "unit": {"type": "str"},
    "user": {"type": "str"},
    "group": {"type": "str"},
    "irreversible": {"type": "str"},
    "by_hand": {"type": "str", "default": ""},
}


def note_path(path: str, copy_of: str, adds_mode: str) -> None:
    """Note a file or folder. Raises OSError."""
    folder, name = os.path.split(path)
    path = os.path.join(safe_files.resolve(folder), name)
    if copy_of:
        undo_log.note_file(path, safe_files.read_bytes(safe_files.resolve(copy_of), undo_log.MOST_BYTES))
    elif adds_mode and os.path.lexists(path):
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode) | int(adds_mode, 8)
        undo_log.note(undo_log.owner_and_mode(path, status.st_uid, status.st_gid, mode))
    else:
        undo_log.note_folder(path)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("path", "unit", "user", "irreversible")],
        required_together=[("user", "group")],
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode or not undo_log.recording():
        module.exit_json(changed=False, recorded=False)
    try:
        if given["path"]:
            note_path(given["path"], given["copy_of"], given["adds_mode"])
        if given["unit"]:
            undo_log.note_unit(given["unit"])
        if given["user"]:
            undo_log.note_membership(given["user"], given["group"])
        if given["irreversible"]:
            undo_log.note_irreversible(given["irreversible"], given["by_hand"])
    except (OSError, KeyError, ValueError) as error:
        module.fail_json(msg=f"what is there now could not be recorded: {error}. Nothing was changed.")
    module.exit_json(changed=False, recorded=True)


if __name__ == "__main__":
    main()
