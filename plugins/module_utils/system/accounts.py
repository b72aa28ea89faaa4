# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accounts: their ids and groups, and whether this process may become one of them."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import subprocess
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

_DAY = 86_400
_ASK_SECONDS = 5.0


def account_ids(user: str, group: str | None) -> tuple[int, int, list[int]]:
    """(uid, gid, supplementary gids) of an account; raises KeyError when user or group does not exist."""
    account = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    gid = account.pw_gid
    if group:
        gid = group_id(group)
    return account.pw_uid, gid, os.getgrouplist(account.pw_name, gid)


def group_id(group: str) -> int:
    """The id of a group by its name, or by its id as text. KeyError where it is unknown."""
    return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid


def supplementary_groups(properties: dict[str, str]) -> list[int]:
    """The ids of the further groups that a unit gives its processes, those that exist. properties: the unit's."""
    found = []
    for name in systemd.words(properties.get("SupplementaryGroups", "")):
        with contextlib.suppress(KeyError):
            found.append(group_id(name))
    return found


def missing_groups(properties: dict[str, str]) -> list[str]:
    """The further groups that a unit gives its processes, and that are not there: systemd starts nothing then."""
    found = []
    for name in systemd.words(properties.get("SupplementaryGroups", "")):
        try:
            group_id(name)
        except KeyError:
            found.append(name)
    return found


def user_name(uid: int) -> str:
    """The name of a user by the id; the id itself where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The name of a group by the id; the id itself where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def expired_on(user: str) -> str:
    """The day on which an account expired (chage(1), `-E`), as YYYY-MM-DD; empty where it has not, or nothing says so.

    Only root may ask. systemd starts such an account's units all the same: expiry is a person's word, and bars nothing.
    """
    try:
        done = subprocess.run(
            ["getent", "shadow", user], capture_output=True, text=True, check=False, timeout=_ASK_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    fields = done.stdout.strip().split(":")
    day = int(fields[7]) if len(fields) > 7 and fields[7].isdigit() else None
    if day is None or day * _DAY > time.time():
        return ""
    return time.strftime("%Y-%m-%d", time.gmtime(day * _DAY))


def may_become(user: str, group: str | None = None) -> bool:
    """Whether a command can be run as that account: by root, or by the account itself. KeyError where it is unknown."""
    uid, gid, _groups = account_ids(user, group)
    return os.geteuid() == 0 or (os.geteuid() == uid and gid in (os.getegid(), *os.getgroups()))


def identity(user: str, group: str | None, more_groups: list[int] | None = None) -> dict[str, Any]:
    """The keyword arguments that make subprocess become `user`; none where we are that account already.

    more_groups: ids of further groups, such as those that a unit gives its processes.

    PermissionError where we are neither root nor that account: nothing of the app is ever run as somebody else.
    """
    uid, gid, groups = account_ids(user, group)
    if not may_become(user, group):
        raise PermissionError(f"only root can become {user}")
    return {"user": uid, "group": gid, "extra_groups": [*groups, *(more_groups or [])]} if os.geteuid() == 0 else {}
