#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put a file back from a copy, if both are still what they were found to be."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: restore_file
short_description: Put a missing file back from a copy of it
version_added: 0.1.0
description:
  - Copies a file to where it is missing. A file that is there already is never replaced.
  - The copy must be a plain file of the owner given, with no other name. No symbolic link is followed that somebody
    else than root or the owner of what it leads to could have made, so that no other file is handed out in its place.
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether it would be put back.
    support: full
  diff_mode:
    description: What is in it may be secret.
    support: none
options:
  source:
    description: The copy.
    type: path
    required: true
  path:
    description: The missing file.
    type: path
    required: true
  owner:
    description: Who owns the copy, and will own the file.
    type: str
    default: root
  group:
    description: The file's group.
    type: str
    default: root
  mode:
    description: The file's mode.
    type: str
    default: '0640'
"""

EXAMPLES = r"""
- name: The environment file is there again
  rescue502.django.restore_file:
    source: /srv/shop/.env.bak
    path: /srv/shop/.env
    owner: shop
    group: shop
  become: true
"""

RETURN = r"""
path:
  description: The file that was put back.
  returned: changed
  type: str
"""

import os
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

LIMIT = 2**24
ARGUMENTS = {
    "source": {"type": "path", "required": True},
    "path": {"type": "path", "required": True},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
}


def content(source: str, uid: int) -> bytes:
    """What the copy holds. OSError where it is not the plain file that it should be."""
    folder, name = os.path.split(source)
    with os.fdopen(safe_files.open_entry(os.path.join(safe_files.resolve(folder), name)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_uid != uid or status.st_nlink > 1 or status.st_size > LIMIT:
            raise OSError("it is no longer the file that was found")
        return file.read(LIMIT)


def place(path: str, data: bytes, uid: int, gid: int, mode: int) -> None:
    """Write a temporary file next to it, then rename that, unless something has got that meanwhile."""
    folder, name = os.path.split(path)
    parent = safe_files.open_folder(safe_files.resolve(folder))
    part = f".{name}.rescue502-{os.getpid()}"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                os.fchown(file.fileno(), uid, gid)
                os.fchmod(file.fileno(), mode)
            os.link(part, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.unlink(part, dir_fd=parent)
    finally:
        os.close(parent)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    if os.path.lexists(given["path"]):
        # One that somebody has put there meanwhile is newer than any copy.
        module.exit_json(changed=False)
    try:
        uid, gid, _groups = accounts.account_ids(given["owner"], given["group"])
        data = content(given["source"], uid)
        if not module.check_mode:
            place(given["path"], data, uid, gid, int(given["mode"], 8))
    except KeyError as error:
        module.fail_json(msg=f"no such account: {error.args[0]}. Nothing was changed.")
    except OSError as error:
        module.fail_json(msg=f"{given['source']} stays a copy: {error.strerror or error}. Nothing was changed.")
    module.exit_json(changed=True, path=given["path"])


if __name__ == "__main__":
    main()
