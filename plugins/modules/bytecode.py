#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove bytecode that Python would run though it does not match its source."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bytecode
short_description: Remove stale bytecode of an app
version_added: 0.1.0
description:
  - Removes C(.pyc) files of C(__pycache__) that were made of another source than the one that is there, and that are
    marked never to be compared with it.
  - Bytecode that Python itself checks against its source is left alone, and so are the virtual environment and links.
  - What may be somebody's only copy of a module is never removed. That is bytecode without its source, outside of
    C(__pycache__), or tracked by git.
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be removed.
    support: full
  diff_mode:
    description: Lists what is removed.
    support: full
options:
  root:
    description: The app's folder.
    type: path
    required: true
  exclude:
    description: Folders below it that are not looked at, such as the virtual environment.
    type: list
    elements: path
    default: []
"""

EXAMPLES = r"""
- name: No stale bytecode is left
  rescue502.django.bytecode:
    root: /srv/shop
    exclude: [/srv/shop/venv]
  become: true
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode.
  returned: always
  type: list
  elements: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable, printable_tree
from ansible_collections.rescue502.django.plugins.module_utils.services import bytecode

LIMIT = 100_000
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "exclude": {"type": "list", "elements": "path", "default": []},
}


def remove(path: str) -> None:
    """Remove one file, unless its source is gone by now. What is removed, Python makes anew.

    Raises OSError where it is not stale any more.
    """
    if not bytecode.why_stale(path):
        raise OSError("it is no longer what was judged")
    undo_log.note_irreversible(f"{path} was removed: Python makes it anew from its source")
    safe_files.remove(path)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    stale = bytecode.stale(module.params["root"], module.params["exclude"], LIMIT)
    for item in [] if module.check_mode else stale:
        try:
            folder, name = os.path.split(item["path"])
            remove(os.path.join(safe_files.resolve(folder), name))
        except OSError as error:
            module.fail_json(msg=printable(f"{item['path']}: {error.strerror or error}"), removed=[])
    listing = "".join(f"{item['path']}: {item['reason']}\n" for item in stale)
    diff = {"before": listing, "after": ""}
    module.exit_json(**printable_tree({"changed": bool(stale), "removed": stale, "diff": diff}))


if __name__ == "__main__":
    main()
