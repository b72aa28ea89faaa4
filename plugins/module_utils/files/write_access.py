# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who can write an input of a program: itself, its folder, its configuration, what it imports.

A program obeys anybody who can write what it reads. So it runs as an account only where nobody but root and that
account can. Everything is judged by lstat, from the root folder down; of a link its own place and what it leads to.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

_ACCESS_LIST = "system.posix_acl_access"


def first_open(paths: Iterable[str], uid: int, unread: str = "") -> str:
    """The first thing that others than root and the account `uid` can write, of paths and all below; empty for none.

    paths: absolute. Of one that is not there, the folder counts in which somebody could make it. unread: the real path
    of a file that no program reads, whose content therefore counts for nothing. Raises nothing: what cannot be looked
    at is open.
    """
    return next((found for path in paths if (found := on_the_way(path, uid) or below(path, uid, unread))), "")


def below(top: str, uid: int, unread: str = "") -> str:
    """The same of all that is below a folder, what links in it lead to included; empty for a file, or nothing."""
    folders, left = [os.path.realpath(top)], safe_files.MANY
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    left -= 1
                    status = entry.stat(follow_symlinks=False)
                    if entry.path == unread and stat.S_ISREG(status.st_mode):
                        continue
                    found = on_the_way(entry.path, uid) if stat.S_ISLNK(status.st_mode) else ""
                    if found or left < 0 or (not stat.S_ISLNK(status.st_mode) and is_open(entry.path, status, uid)):
                        return found or entry.path
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return folder
    return ""


def on_the_way(path: str, uid: int) -> str:
    """The first step from the root folder to `path` that others than root and the account can write; empty for none."""
    seen, parts, links = os.path.sep, path.split(os.path.sep), safe_files.MOST_LINKS
    # A folder such as /tmp, in which others can make things, though they replace none of ours.
    shared = ""
    try:
        if is_open(seen, os.lstat(seen), uid):
            return seen
        while parts:
            part = parts.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                seen = os.path.dirname(seen)
                continue
            step = os.path.join(seen, part)
            status = os.lstat(step)
            if stat.S_ISLNK(status.st_mode):
                links -= 1
                if links < 0 or status.st_uid not in (0, uid):
                    return step
                target = os.readlink(step)
                parts = [*target.split(os.path.sep), *parts]
                seen = os.path.sep if target.startswith(os.path.sep) else seen
                continue
            shared = ""
            if is_open(step, status, uid):
                if not (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX and status.st_uid in (0, uid)):
                    return step
                shared = step
            seen = step
    except FileNotFoundError:
        return shared
    except OSError:
        return seen
    return shared


def is_open(path: str, status: os.stat_result, uid: int) -> bool:
    """Whether others than root and the account can write a file or folder, or set its mode."""
    if status.st_uid not in (0, uid) or status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    # Where there is an access list, the group's bits are the most that anybody whom it names can have (acl(5)).
    return not _is_alone(status.st_gid, uid) or _has_access_list(path)


def _has_access_list(path: str) -> bool:
    try:
        return _ACCESS_LIST in os.listxattr(path, follow_symlinks=False)
    except OSError:
        return False


def _is_alone(gid: int, uid: int) -> bool:
    """Whether nobody but root and the account is in a group."""
    try:
        may = {pwd.getpwuid(number).pw_name for number in (0, uid)}
        members = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        return False
    if gid == 0:
        return members <= may
    primary = {account.pw_name for account in pwd.getpwall() if account.pw_gid == gid}
    return bool(primary) and members | primary <= may
