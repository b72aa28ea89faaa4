# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Close PostgreSQL's data folder to all but its owner, as the server demands before it starts."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: close_data_folder
short_description: Close PostgreSQL's data folder to others
version_added: 0.3.0
description:
  - Gives one folder the mode 0700. Nothing below or above it is changed.
  - Refuses a folder that is not one of PostgreSQL's data, a link, and a folder that is root's.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether the mode would be changed.
    support: full
options:
  path:
    description: The data folder.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: The data folder is its owner's alone
  rescue502.django.close_data_folder:
    path: /var/lib/postgresql/15/main
  become: true
"""

RETURN = r"""
before:
  description: The mode that the folder had, in octal.
  returned: success
  type: str
"""

import os
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log

MODE = 0o700
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def close(path: str, check_only: bool) -> dict[str, Any]:
    """Close the folder: {changed, before}. Raises OSError, ValueError where it is not a server's data folder."""
    path = safe_files.resolve(path)
    folder = os.open(path, _FOLDER)
    try:
        status = os.fstat(folder)
        if status.st_uid == 0:
            raise ValueError("it is root's, which no data folder is")
        try:
            marker = os.stat("PG_VERSION", dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            raise ValueError("it holds no data of PostgreSQL") from None
        if not stat.S_ISREG(marker.st_mode) or marker.st_uid != status.st_uid:
            raise ValueError("its PG_VERSION is not a file of the folder's owner")
        mode = stat.S_IMODE(status.st_mode)
        if mode != MODE and not check_only:
            undo_log.note(undo_log.owner_and_mode(path, status.st_uid, status.st_gid, MODE, status=status))
            os.fchmod(folder, MODE)
    finally:
        os.close(folder)
    return {"changed": mode != MODE, "before": f"{mode:04o}"}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    path = module.params["path"]
    try:
        found = close(path, module.check_mode)
    except ValueError as error:
        module.fail_json(msg=f"{path}: {error}. Nothing was changed.")
    except OSError as error:
        module.fail_json(msg=f"{path}: {error.strerror or error}")
    module.exit_json(**found)


if __name__ == "__main__":
    main()
