#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put right the owners and modes that keep an app from its own files, and touch no other."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: permissions
short_description: Repair the owners and modes that keep an app from its own files
version_added: 0.1.0
description:
  - Asks the kernel, as the app's user, which files and folders it cannot use though it must, and changes just those.
  - Makes the least change that repairs it. A bit of the owner's or of a group's that the user is in; the file's group,
    where it gives nobody anything; an entry for the user in the access control list; last the owner, where it is root.
    Nothing is opened to others, and nobody loses anything, but for files of secrets, which are closed to others.
  - A change after which the user still cannot use the file is taken back.
  - Gives away logs, media and databases only below the app's folder, its account's home, and O(folders); what is in
    them of the system's, such as C(/etc), it refuses on anybody's word.
  - Gives what SQLite keeps next to a database only as long as no other account has it open.
  - Never follows a symbolic link below the app's folder, nor changes a file that somebody linked in from elsewhere.
author:
  - rescue502 maintainers (@rescue502)
extends_documentation_fragment: rescue502.django.app.account
attributes:
  check_mode:
    description: Says what would be changed.
    support: full
  diff_mode:
    description: Lists each path with what it is and what it becomes.
    support: full
options:
  root:
    description: The app's folder.
    type: path
    required: true
  venv:
    description: The virtual environment, judged for readability only.
    type: str
    default: ''
  unit:
    description:
      - The app's systemd unit, whose running processes, or else C(SupplementaryGroups=) and capabilities, say what the
        user may.
    type: str
    default: ''
  media_root:
    description: Where uploads are kept.
    type: str
    default: ''
  env_files:
    description: Files that hold secrets.
    type: list
    elements: str
    default: []
  logs:
    description: Log files that the app opens itself.
    type: list
    elements: str
    default: []
  databases:
    description: SQLite databases that the app opens itself; their journals, logs and folders are judged with them.
    type: list
    elements: str
    default: []
  proxy_user:
    description: The user of the web server, which must pass through the folders above O(proxy_paths).
    type: str
    default: ''
  proxy_paths:
    description: What the web server must reach, such as the app's socket and its static files.
    type: list
    elements: str
    default: []
  folders:
    description:
      - Further folders, and log files, that are the app's by what root's own files say, such as a unit's
        C(LogsDirectory=).
      - Unless given, O(media_root), the O(logs) themselves and the folders of O(databases), as they stand in the
        playbook. Where they come from the app's settings, which its user can write, this must be given, if only as an
        empty list.
    type: list
    elements: str
  parts:
    description: What to judge.
    type: list
    elements: str
    choices: [code, media, env_file, logs, parents, database]
    default: [code, media, env_file, logs, parents, database]
  doubtful:
    description:
      - Parts in which the app is given its files also where they may hold what is somebody else's, such as a file of
        root's that lies where an upload should be, and of whose content git and installers know nothing.
      - Without it such files are refused.
    type: list
    elements: str
    choices: [code, media, database]
    default: []
"""

EXAMPLES = r"""
- name: The app can read its code
  rescue502.django.permissions:
    root: /srv/shop
    venv: /srv/shop/venv
    user: shop
    parts: [code]
  become: true
"""

RETURN = r"""
repaired:
  description: What was changed, or would be in check mode.
  returned: always
  type: list
  elements: dict
refused:
  description: What is as wrong and was left alone, each with C(objection).
  returned: always
  type: list
  elements: dict
"""

import os
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.remedies import file_access, wrong_access
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable, printable_tree

# Opening a folder lets more be seen: after each round the tree is judged again, for as deep as trees go.
ROUNDS = 20
PARTS = ["code", "media", "env_file", "logs", "parents", "database"]
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "venv": {"type": "str", "default": ""},
    "user": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "unit": {"type": "str", "default": ""},
    "media_root": {"type": "str", "default": ""},
    "env_files": {"type": "list", "elements": "str", "default": []},
    "logs": {"type": "list", "elements": "str", "default": []},
    "databases": {"type": "list", "elements": "str", "default": []},
    "proxy_user": {"type": "str", "default": ""},
    "proxy_paths": {"type": "list", "elements": "str", "default": []},
    "folders": {"type": "list", "elements": "str"},
    "parts": {"type": "list", "elements": "str", "choices": PARTS, "default": PARTS},
    "doubtful": {"type": "list", "elements": "str", "choices": ["code", "media", "database"], "default": []},
}


def as_it_is(item: dict[str, Any]) -> str:
    """One file's owner and mode now, as a line of the diff."""
    try:
        status = os.lstat(item["path"])
    except OSError as error:
        return f"{item['path']} {error.strerror}\n"
    return f"{item['path']} {status.st_uid}:{status.st_gid} {stat.S_IMODE(status.st_mode):04o}\n"


def entries(item: dict[str, Any]) -> list[str]:
    """The entry that its access control list is to get, where it is to get one."""
    return [item["acl"]] if item.get("acl") else []


def fault(item: dict[str, Any]) -> tuple[str, str]:
    """What is wrong with which file, whatever its owner and mode are by now."""
    return item["path"], item["problem"].partition(" (")[0]


def take_back(module: AnsibleModule, before: dict[str, Any]) -> None:
    """Take back a change after which the kernel still says no."""
    try:
        file_access.restore(before)
        module.warn(printable(f"{before['path']}: changed in vain, and given back what it had"))
    except OSError as error:
        module.warn(printable(f"{before['path']}: changed in vain, and not given back: {error.strerror or error}"))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    repaired: list[dict[str, Any]] = []
    # What was changed and what it was before, by what was wrong with which file.
    done: dict[tuple[str, str], dict[str, Any]] = {}
    failed: list[str] = []
    refused: list[dict[str, Any]] = []
    before, after = "", ""
    for _round in range(ROUNDS):
        judged = wrong_access.find(module.params)
        refused = [item for item in judged if wrong_access.is_refused(item, module.params["doubtful"])]
        wrong = [item for item in judged if item not in refused and item["path"] not in failed]
        useless = [item for item in wrong if fault(item) in done]
        wrong = [item for item in wrong if item not in useless]
        failed += [item["path"] for item in useless]
        # Of each file one change at a time: what else is wrong with it may be right by then, or wants another one.
        wrong = list({item["path"]: item for item in reversed(wrong)}.values())[::-1]
        for item in useless:
            take_back(module, done[fault(item)])
        if not module.check_mode:
            try:
                undo_log.note(*map(file_access.as_undone, wrong))
            except OSError as error:
                module.fail_json(
                    msg=f"what is there now could not be recorded: {error}", repaired=printable_tree(repaired)
                )
        for item in wrong:
            before += as_it_is(item)
            after += " ".join([item["path"], f"{item['owner']}:{item['group']}", item["mode"], *entries(item)]) + "\n"
            repaired.append(item)
            if not module.check_mode:
                try:
                    done[fault(item)] = file_access.repair(item)
                except OSError as error:
                    failed.append(item["path"])
                    module.warn(printable(f"{item['path']}: {error.strerror or error}"))
        if module.check_mode or not wrong:
            break
    result = printable_tree(
        {
            "changed": bool(repaired),
            "repaired": repaired,
            "refused": refused,
            "diff": {"before": before, "after": after},
        }
    )
    if refused:
        reasons = "; ".join(f"{item['path']} {item['objection']}" for item in refused[:5])
        module.fail_json(msg=printable(f"left as it is: {reasons}"), **result)
    if failed:
        module.fail_json(msg=printable(f"could not be repaired: {', '.join(failed[:5])}"), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
