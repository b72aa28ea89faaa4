# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The least change of a file that gives one account what it needs: nobody loses anything, and nobody else gains.

In this order: a bit of the owner's or of a group's that the account is in; the file's group, where it gives nobody
anything yet; an entry for the account in the access control list; the owner, where that is root, who needs no bits.
"""

from __future__ import annotations

import array
import fcntl
import os
import stat
import struct
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.files import posix_acl, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, READ, WRITE, Account

# FS_IOC_GETFLAGS and FS_IMMUTABLE_FL of linux/fs.h, as on x86 and Arm.
_GET_FLAGS = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
_IMMUTABLE = 0x10


class Change(NamedTuple):
    """The owner, group and mode that a file is to have; granted: bits for the account in its access control list.

    The group bits of a file with such a list are the list's mask.
    """

    owner: int
    group: int
    mode: int
    granted: int = 0


def choose(path: str, status: os.stat_result, account: Account, need: int, group: int | None) -> Change | str:
    """The least change of the file; a text, which says of the file why there is none (`it ...`), where none would do.

    need: READ, WRITE, ENTER of access.py. group: what its group may become, one that the account is in; None where the
    file is not the app's own, such as a folder above it.
    """
    if why := obstacle(path):
        return why
    mode, acl = stat.S_IMODE(status.st_mode), posix_acl.read(path)
    if posix_acl.allows(status, acl, account.uid, account.groups, need):
        return "is kept from the account by something else than its owner and mode"
    widened = mode | need << (6 if status.st_uid == account.uid else 3)
    if posix_acl.allows(_with_mode(status, widened), acl, account.uid, account.groups, need):
        return Change(status.st_uid, status.st_gid, widened)
    if posix_acl.bits_of(acl, posix_acl.USER, account.uid) == 0:
        return "has an access control list that names the account, and allows it nothing"
    nobody_loses = not acl and (not mode & 0o070 or status.st_gid == 0)
    if group is not None and nobody_loses:
        # Root's group may have had more than the app needs.
        return Change(status.st_uid, group, mode & ~(0o060 & ~(need << 3)) | need << 3)
    if posix_acl.supported(path):
        with_entry = posix_acl.with_user(status, acl, account.uid, need)
        mask = posix_acl.bits_of(with_entry, posix_acl.MASK) or 0
        return Change(status.st_uid, status.st_gid, mode & ~0o070 | mask << 3, need)
    if status.st_uid == 0 and group is not None:
        return Change(account.uid, status.st_gid, mode | need << 6)
    return "is used by its owner and by its group, and its file system keeps no access control lists"


def without_others(path: str, status: os.stat_result, account: Account, group: int) -> Change | str:
    """The change that closes a file to others, and keeps it readable for the account where it was."""
    acl, closed = posix_acl.read(path), _with_mode(status, stat.S_IMODE(status.st_mode) & ~0o007)
    could, can = (posix_acl.allows(each, acl, account.uid, account.groups, READ) for each in (status, closed))
    if could and not can:
        return choose(path, closed, account, READ, group)
    return obstacle(path) or Change(status.st_uid, status.st_gid, stat.S_IMODE(closed.st_mode))


def obstacle(path: str) -> str:
    """Why no owner or mode of the file can be changed at all; empty where it can be, or where that is not known."""
    try:
        descriptor = safe_files.open_entry(safe_files.resolve(path))
    except OSError:
        return ""
    try:
        if os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
            return "is on a file system that is mounted read-only"
        flags = array.array("l", [0])
        fcntl.ioctl(descriptor, _GET_FLAGS, flags)
        return "is immutable (lsattr, chattr -i)" if flags[0] & _IMMUTABLE else ""
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def described(need: int, is_folder: bool) -> str:
    """What cannot be done with a file that lacks `need`, in words."""
    if need == ENTER:
        return "cannot be passed through"
    if need & WRITE:
        return "cannot be written"
    return "cannot be entered" if is_folder else "cannot be read"


def _with_mode(status: os.stat_result, mode: int) -> os.stat_result:
    """The status of the file once it has these permission bits."""
    return os.stat_result((stat.S_IFMT(status.st_mode) | mode, *tuple(status)[1:10]))
