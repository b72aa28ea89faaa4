# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether what keeps the app from its files is that they belong to a number which is not an account of this host."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.stack import nginx_workers, unowned_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import absent_ids, accounts, filesystems, unread

# The distributions' own accounts, such as www-data, are shared: whose files they run is not theirs by that alone.
_FIRST_OWN = 100


def collect(stack: Stack, found: list[dict[str, Any]], named: list[str], account: access.Account) -> Any:
    """{uid, gid, path, certain, elsewhere, bars, folders}; None where no such number keeps the app from a file.

    found: the violations. named: as own_folders.named() gives it. Unread where the name service does not answer.
    """
    barred = [(item["part"], item["path"]) for item in found]
    barred += [("sockets", folder) for folder in _closed_socket_folders(stack, account)]
    if not barred:
        return None
    places = unowned_files.places(stack, named)
    # What root's files name comes first: it says whose the number was.
    paths = [path for path in (places.home, places.root, *(path for _part, path in barred)) if path]
    path = next((path for path in paths if unowned_files.may_be_lost(unowned_files.owner(path), account)), "")
    if not path:
        return None
    status = os.lstat(path)
    uid, gid = status.st_uid, status.st_gid
    user, group = absent_ids.look_up("passwd", uid), absent_ids.look_up("group", gid)
    if user == absent_ids.KNOWN:
        return None
    if absent_ids.UNKNOWN in (user, group):
        return unread.Unread(f"whose number {uid} is, the owner of {path}", "the name service does not answer")
    lost_group = gid if group != absent_ids.KNOWN and _has_successor(account, uid, gid) else None
    folders = places.all(uid)
    bars = {part for part, barrier in barred if _belongs(barrier, uid, lost_group) and _is_in(barrier, folders)}
    if not bars:
        return None
    elsewhere = absent_ids.ABSENT_HERE in (user, group)
    return {
        "uid": uid,
        "gid": lost_group,
        "path": path,
        "certain": not elsewhere and _is_certain(stack, places, account, uid, lost_group),
        "elsewhere": elsewhere,
        "bars": sorted(bars),
        "folders": folders,
    }


def _is_certain(stack: Stack, places: unowned_files.Places, account: access.Account, uid: int, gid: int | None) -> bool:
    """Whether nobody else than the app's account can be meant.

    A home is its account's. An app's folder may have been a deployer's, and the app in the deployer's group or all it
    served readable: so it counts only with a group of the same number, and of an account that is the app's alone.
    """
    if places.home and unowned_files.owner(places.home) == uid:
        return True
    shared = account.uid < _FIRST_OWN or accounts.user_name(account.uid) == nginx_workers.user(stack)
    return bool(places.root) and unowned_files.owner(places.root) == uid == gid and not shared


def _has_successor(account: access.Account, uid: int, gid: int) -> bool:
    """Whether a lost group's files can be another group's: never that of one which a distribution has for many."""
    return absent_ids.is_of_an_account(gid) and unowned_files.new_group(account, uid, gid) >= _FIRST_OWN


def _belongs(path: str, uid: int, gid: int | None) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_uid == uid or status.st_gid == gid


def _is_in(path: str, folders: list[str]) -> bool:
    """Whether it is what a repair would reach: in one of the folders, links on the way resolved."""
    real = os.path.realpath(path)
    return any(filesystems.is_below(real, folder) for folder in folders)


def _closed_socket_folders(stack: Stack, account: access.Account) -> list[str]:
    """Folders of sockets that root's files name, and in which the app's account may not make one."""
    folders = {os.path.dirname(bind["path"]) for bind in stack.bind if bind["path"] in stack.word.paths()}
    closed = []
    for folder in folders:
        try:
            if not account.may(os.stat(folder), access.WRITE | access.ENTER):
                closed.append(folder)
        except OSError:
            continue
    return sorted(closed)
