#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give an app's account the files of a user number that is not an account of this host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: adopt_files
short_description: Give an app's account the files of a user number that is not an account of this host
version_added: 0.1.0
description:
  - After a move of an app to another host its files may keep the numbers that its account had there. Just the entries
    with the owner O(uid), and with the group O(gid), get the account's own; all modes stay as they are.
  - Changes nothing where somebody has the number, where a process runs by it, where the name service does not answer,
    or where the number is one of a system's, a container's or a user namespace's.
  - Follows no link; of a link its own owner is changed. Enters no mount, and no share of another machine.
  - Leaves alone what runs as its owner (set-user-id), what has capabilities, and what is linked from elsewhere.
author:
  - rescue502 maintainers (@rescue502)
extends_documentation_fragment: rescue502.django.app.account
attributes:
  check_mode:
    description: Says which files would be given.
    support: full
  diff_mode:
    description: Lists what belongs to the number.
    support: full
options:
  folders:
    description: Where the app's files are, as real paths. What the system owns, or apps share, is refused.
    type: list
    elements: path
    required: true
  uid:
    description: The number of the owner that is not an account of this host.
    type: int
    required: true
  gid:
    description:
      - The number of the group that is not one of this host. Where it is that of O(uid), the files get the account's
        own group, else O(group). With V(0) no group is changed.
    type: int
    default: 0
  doubtful:
    description:
      - Gives the account also what lies in a folder that somebody else of this host can write, who may have moved it
        there, and asks no more of a name service that keeps accounts elsewhere than that it answers.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The app's files are its account's
  rescue502.django.adopt_files:
    folders: [/home/shop, /var/log/shop]
    user: shop
    uid: 1007
    gid: 1007
  become: true
"""

RETURN = r"""
count:
  description: How many files, folders and links were given to the account, or would be in check mode.
  returned: success
  type: int
refused:
  description: What belongs to the number and was left alone, each with C(objection); at most 20.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.remedies import adoption
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable, printable_tree

MOST_SHOWN = 20
ARGUMENTS = {
    "folders": {"type": "list", "elements": "path", "required": True},
    "user": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "uid": {"type": "int", "required": True},
    "gid": {"type": "int", "default": 0},
    "doubtful": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    failed: list[str] = []
    try:
        found = adoption.judge(module.params)
        if not module.check_mode:
            found.note()
            failed = found.apply()
    except (adoption.AdoptionError, OSError) as error:
        module.fail_json(msg=printable(f"{error}. Nothing was changed."))
    paths = found.paths()
    shown = [*paths[:MOST_SHOWN], *([f"and {len(paths) - MOST_SHOWN} more"] if len(paths) > MOST_SHOWN else [])]
    reasons = "; ".join(f"{item['path']} {item['objection']}" for item in found.refused[:5])
    result = printable_tree(
        {
            "changed": bool(paths),
            "count": len(paths) - len(failed),
            "refused": found.refused[:MOST_SHOWN],
            "diff": {"before": "".join(f"{line}\n" for line in shown), "after": ""},
        }
    )
    if failed:
        module.fail_json(msg=printable(f"could not be given to the account: {'; '.join(failed[:5])}"), **result)
    if found.refused and not paths:
        module.fail_json(msg=printable(f"left as it is: {reasons}"), **result)
    if found.refused:
        module.warn(printable(f"left as it is: {reasons}"))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
