#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the folder of the app's socket, where that is the app's to have, and nobody can lead root elsewhere."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: socket_folder
short_description: Make the folder that the app's socket is to lie in
version_added: 0.4.0
description:
  - Makes the folder and gives it to the app's user. Folders above it that are missing become root's.
  - Leaves one that is there as it is. C(ansible.builtin.file) is not used, because it follows links on the way, which
    the app's user may have put there a moment ago.
  - Refuses a place that neither root's own files name nor the app's user could make by itself.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether it would be made.
    support: full
options:
  path:
    description: The folder.
    type: path
    required: true
  user:
    description: The user who gets the folder, which is who the app runs as.
    type: str
    required: true
  group:
    description: The group that gets it. The user's own unless given.
    type: str
    default: ''
  mode:
    description: The folder's mode, in octal. Folders above it that are missing get 0755.
    type: str
    choices: ['0755', '0700']
    default: '0755'
  folders:
    description:
      - Folders and files that are the app's by what root's own files say, such as a socket in the unit's command.
      - Unless given, O(path) itself, as it stands in the playbook. Where it comes from the app's own configuration,
        which its user can write, this must be given, if only as an empty list.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: The folder of the app's socket is there
  rescue502.django.socket_folder:
    path: /run/shop
    user: shop
  become: true
"""

RETURN = r"""
path:
  description: The folder, links resolved.
  returned: changed
  type: str
"""

import contextlib
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.files.directory_handle import OpenFolder
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.stack import own_folders
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

MODE = 0o755
ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "mode": {"type": "str", "choices": ["0755", "0700"], "default": "0755"},
    "folders": {"type": "list", "elements": "str"},
}


def missing(path: str) -> tuple[str, list[str]]:
    """The nearest folder above that is there, as its real path, and the names of those to be made. Raises OSError."""
    names: list[str] = []
    while not os.path.lexists(path):
        path, name = os.path.split(path)
        names.insert(0, name)
    return safe_files.resolve(path), names


def make(given: dict[str, Any]) -> str:
    """Make the folder: its real path. Raises OSError, KeyError where nobody has that name."""
    uid, gid, _groups = accounts.account_ids(given["user"], given["group"] or None)
    path, names = missing(os.path.normpath(given["path"]))
    for number, name in enumerate(names, start=1):
        with contextlib.closing(OpenFolder(path)) as folder:
            path = os.path.join(path, name)
            undo_log.note_folder(path)
            made = folder.make(name)
        try:
            if number == len(names):
                os.fchown(made, uid, gid)
            os.fchmod(made, int(given["mode"], 8) if number == len(names) else MODE)
        finally:
            os.close(made)
    return path


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    if os.path.lexists(given["path"]):
        module.exit_json(changed=False)
    if given["folders"] is None:
        given["folders"] = [given["path"]]
    try:
        if why := own_folders.objection_to_place(given["path"], given):
            module.fail_json(msg=f"{given['path']} is not made: it {why}. Nothing was changed.")
        path = given["path"] if module.check_mode else make(given)
    except KeyError as error:
        module.fail_json(msg=f"no such account: {error.args[0]}. Nothing was changed.")
    except OSError as error:
        module.fail_json(msg=f"{given['path']}: {error.strerror or error}")
    module.exit_json(changed=True, path=path)


if __name__ == "__main__":
    main()
