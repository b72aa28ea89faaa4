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
  - Looks for files and folders that the app's user must be able to use and cannot, and changes just those.
  - Folders become 755 and files 644 (755 where they were executable), or 750 and 640 where most of the tree is so;
    media folders 775 and media files 664; files of secrets 640. The virtual environment's programs stay executable.
  - Gives away logs and media only below the app's folder, its account's home, and O(folders); what is in them of the
    system's, such as C(/etc), it refuses on anybody's word.
  - Never follows a symbolic link below the app's folder, nor changes a file that somebody linked in from elsewhere.
author:
  - rescue502 maintainers (@rescue502)
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
  user:
    description: The user that the app runs as.
    type: str
    required: true
  group:
    description: The group that the app runs as. The user's own unless given.
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
      - Unless given, O(media_root) and the O(logs) themselves, as they stand in the playbook. Where they come from the
        app's settings, which its user can write, this must be given, if only as an empty list.
    type: list
    elements: str
  parts:
    description: What to judge.
    type: list
    elements: str
    choices: [code, media, env_file, logs, parents]
    default: [code, media, env_file, logs, parents]
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
from ansible_collections.rescue502.django.plugins.module_utils.files import access, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.stack import own_folders

LIMIT = 100_000
# Opening a folder lets more be seen: after each round the tree is judged again, for as deep as trees go.
ROUNDS = 20
PARTS = ["code", "media", "env_file", "logs", "parents"]
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "venv": {"type": "str", "default": ""},
    "user": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "media_root": {"type": "str", "default": ""},
    "env_files": {"type": "list", "elements": "str", "default": []},
    "logs": {"type": "list", "elements": "str", "default": []},
    "proxy_user": {"type": "str", "default": ""},
    "proxy_paths": {"type": "list", "elements": "str", "default": []},
    "folders": {"type": "list", "elements": "str"},
    "parts": {"type": "list", "elements": "str", "choices": PARTS, "default": PARTS},
}


def judge(given: dict[str, Any]) -> list[dict[str, Any]]:
    """All violations of the parts that were asked for."""
    return access.violations(
        root=given["root"],
        venv=given["venv"],
        user=given["user"],
        group=given["group"] or None,
        media_root=given["media_root"],
        env_files=given["env_files"],
        logs=given["logs"],
        parents_of=[path for path in (given["root"], given["venv"]) if path],
        parts=given["parts"],
        limit=LIMIT,
        proxy_user=given["proxy_user"],
        proxy_paths=given["proxy_paths"],
        own=own(given),
    )


def own(given: dict[str, Any]) -> own_folders.OwnFolders | None:
    """What may be given to the account; None where there is no such account, and nothing is judged."""
    try:
        account = access.Account(given["user"], given["group"] or None)
    except KeyError:
        return None
    named = given["folders"]
    if named is None:
        named = [path for path in (given["media_root"], *given["logs"]) if path]
    return own_folders.OwnFolders(given["root"], given["venv"], given["env_files"], account, named)


def is_refused(item: dict[str, Any]) -> bool:
    """Whether something is left to a person; its `objection` says why."""
    if item["part"] == "code":
        # Where the code is may be the app's word, too. Apps are installed in /root and below /usr at times.
        places = [path for path in own_folders.SYSTEM if path not in ("/root", "/usr")]
        system = any(own_folders.is_below(os.path.realpath(item["path"]), place) for place in places)
        item["objection"] = "belongs to the system" if system else ""
    return bool(item.get("objection"))


def repair(item: dict[str, Any]) -> None:
    """Give one file the owner and mode it should have, through a descriptor, so that no link can lead elsewhere."""
    path = safe_files.resolve(item["path"])
    descriptor = safe_files.open_entry(path)
    try:
        status = os.fstat(descriptor)
        if status.st_ino != item["inode"]:
            raise OSError("another file was put in its place")
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            require_own_name(os.path.dirname(path), status)
        if (status.st_uid, status.st_gid) != (item["owner"], item["group"]):
            os.fchown(descriptor, item["owner"], item["group"])
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != int(item["mode"], 8):
            os.fchmod(descriptor, int(item["mode"], 8))
    finally:
        os.close(descriptor)


def require_own_name(folder: str, status: os.stat_result) -> None:
    """OSError where a file has other names, and somebody else than its owner can have put this one there.

    Who can write the folder could have linked any file of this file system into it.
    """
    maker = os.lstat(folder)
    if maker.st_uid != status.st_uid or maker.st_mode & 0o022:
        raise OSError("it is the same file as one elsewhere, whose owner did not put it here")


def as_undone(item: dict[str, Any]) -> dict[str, Any]:
    """What has to be known to take the change back."""
    path = safe_files.resolve(item["path"])
    return undo_log.owner_and_mode(path, item["owner"], item["group"], int(item["mode"], 8))


def as_it_is(item: dict[str, Any]) -> str:
    """One file's owner and mode now, as a line of the diff."""
    try:
        status = os.lstat(item["path"])
    except OSError as error:
        return f"{item['path']} {error.strerror}\n"
    return f"{item['path']} {status.st_uid}:{status.st_gid} {stat.S_IMODE(status.st_mode):04o}\n"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    repaired: list[dict[str, Any]] = []
    failed: list[str] = []
    refused: list[dict[str, Any]] = []
    before, after = "", ""
    for _round in range(ROUNDS):
        judged = judge(module.params)
        refused = [item for item in judged if is_refused(item)]
        wrong = [item for item in judged if item not in refused and item["path"] not in failed]
        if not module.check_mode:
            try:
                undo_log.note(*map(as_undone, wrong))
            except OSError as error:
                module.fail_json(msg=f"what is there now could not be recorded: {error}", repaired=repaired)
        for item in wrong:
            before += as_it_is(item)
            after += f"{item['path']} {item['owner']}:{item['group']} {item['mode']}\n"
            repaired.append(item)
            if not module.check_mode:
                try:
                    repair(item)
                except OSError as error:
                    failed.append(item["path"])
                    module.warn(f"{item['path']}: {error.strerror or error}")
        if module.check_mode or not wrong:
            break
    result = {
        "changed": bool(repaired),
        "repaired": repaired,
        "refused": refused,
        "diff": {"before": before, "after": after},
    }
    if refused:
        told = "; ".join(f"{item['path']} {item['objection']}" for item in refused[:5])
        module.fail_json(msg=f"left as it is: {told}", **result)
    if failed:
        module.fail_json(msg=f"could not be repaired: {', '.join(failed[:5])}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
