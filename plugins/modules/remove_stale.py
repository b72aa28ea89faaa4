#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove a socket that nobody listens on, or a pid file that names a stranger, if it is still so."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: remove_stale
short_description: Remove a socket or pid file that an earlier run of the app left behind
version_added: 0.1.0
description:
  - Removes a socket only if the kernel says at this moment that nobody listens on it, and a pid file only if it names
    no process, or one that is not the app. Anything else is refused with a message, and nothing is changed.
  - Never follows a symbolic link.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether it would be removed.
    support: full
options:
  path:
    description: The file. One that is not there is as good as removed.
    type: path
    required: true
  kind:
    description: What it must be.
    type: str
    required: true
    choices: [socket, pidfile]
  unit:
    description: The app's unit, whose processes a pid file may rightly name.
    type: str
    required: true
  server:
    description: The app server's name, such as C(gunicorn).
    type: str
    default: gunicorn
  venv:
    description: The app's virtual environment. The same server from it is the app, started by anybody.
    type: str
    default: ''
  app:
    description: What the server loads, such as C(shop.wsgi:application). A process with it in its command is the app.
    type: str
    default: ''
  user:
    description: The user that the app runs as.
    type: str
    default: ''
  folders:
    description:
      - Folders and files that are the app's by what root's own files say, such as a pid file in the unit's command.
      - Unless given, O(path) itself, as it stands in the playbook. Where it comes from the app's own configuration,
        which its user can write, this must be given, if only as an empty list; then a file stays that neither
        such a file names nor the app's user could remove by itself.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: No socket without a listener is in the way
  rescue502.django.remove_stale:
    path: /run/shop/gunicorn.sock
    kind: socket
    unit: shop.service
  become: true
"""

RETURN = r"""
path:
  description: The file that was removed.
  returned: changed
  type: str
"""

import os
import re
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.collectors import addresses
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.stack import own_folders

PIDFILE_LIMIT = 64
ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "kind": {"type": "str", "required": True, "choices": ["socket", "pidfile"]},
    "unit": {"type": "str", "required": True},
    "server": {"type": "str", "default": "gunicorn"},
    "venv": {"type": "str", "default": ""},
    "app": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
    "folders": {"type": "list", "elements": "str"},
}


def why_not(given: dict[str, Any], path: str) -> str:
    """Why the file must stay; empty where it may go."""
    if given.get("folders") is not None and (why := own_folders.objection_to_place(path, given)):
        return f"it {why}"
    mode = os.lstat(path).st_mode
    if given["kind"] == "socket":
        if not stat.S_ISSOCK(mode):
            return "it is not a socket"
        return "" if addresses.is_stale_socket(path) else "somebody listens on it, or it cannot be asked"
    if not stat.S_ISREG(mode):
        return "it is not a file"
    # Only a number and a newline: whatever else the file is, it is not a pid file.
    if not re.match(rb"^\s*\d+\s*$", safe_files.read_bytes(path, PIDFILE_LIMIT)):
        return "it holds no process id"
    pid = addresses.read_pid(path)
    if os.path.isdir(f"/proc/{pid}") and addresses.is_app(
        pid, given["unit"], given["server"], given["venv"], given["app"]
    ):
        return f"process {pid} is the app"
    return ""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    if not os.path.lexists(given["path"]):
        module.exit_json(changed=False)
    try:
        # The folder's links are followed where they can be trusted; the file itself must be none.
        folder, name = os.path.split(given["path"])
        path = os.path.join(safe_files.resolve(folder), name)
        reason = why_not(given, path)
        if reason:
            module.fail_json(msg=f"{path} stays: {reason}. Nothing was changed.")
        if not module.check_mode:
            if given["kind"] == "pidfile":
                undo_log.note_file(path, None)
            else:
                undo_log.note_irreversible(f"{path} was removed: a socket that nobody listens on is of no use")
            safe_files.remove(path)
    except OSError as error:
        module.fail_json(msg=f"{given['path']}: {error.strerror or error}. Nothing was changed.")
    module.exit_json(changed=True, path=path)


if __name__ == "__main__":
    main()
