# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""POSIX access control lists: what one allows, and one more entry for an account.

Sources: acl(5); linux/posix_acl_xattr.h for the form in which the kernel gives and takes them.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Collection
from typing import NamedTuple

_NAME = "system.posix_acl_access"
_VERSION, _HEADER, _ENTRY = 2, struct.Struct("<I"), struct.Struct("<HHI")
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NOBODY = 0xFFFFFFFF


class Entry(NamedTuple):
    """A class of accounts, by tag and, of a named user or group, by id; and the bits (4, 2, 1) that it has."""

    tag: int
    bits: int
    id: int = _NOBODY


Acl = tuple[Entry, ...]


class UnsupportedError(OSError):
    """The file system keeps no access control lists."""


def read(file: str | int) -> Acl:
    """The access control list of a file, by its path (a link's own) or descriptor; empty where mode bits are all.

    Empty too where it cannot be read: what it may say is then unknown, and the kernel knows it.
    """
    try:
        return _read(file)
    except OSError:
        return ()


def supported(path: str) -> bool:
    """Whether the file's file system keeps access control lists."""
    try:
        _read(path)
    except OSError:
        return False
    return True


def _read(file: str | int) -> Acl:
    try:
        raw = os.getxattr(file, _NAME) if isinstance(file, int) else os.getxattr(file, _NAME, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENODATA:
            return ()
        raise
    if len(raw) < _HEADER.size or _HEADER.unpack_from(raw)[0] != _VERSION:
        raise UnsupportedError(errno.EINVAL, "an access control list of an unknown form")
    return tuple(Entry(*fields) for fields in _ENTRY.iter_unpack(raw[_HEADER.size :]))


def write(descriptor: int, acl: Acl) -> None:
    """Give an open file this list; an empty one takes away the list that it has. Raises OSError."""
    if acl:
        entries = sorted(acl, key=lambda entry: (entry.tag, entry.id))
        os.setxattr(descriptor, _NAME, _HEADER.pack(_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in entries))
    elif read(descriptor):
        os.removexattr(descriptor, _NAME)


def bits_of(acl: Acl, tag: int, number: int = _NOBODY) -> int | None:
    """What one entry has, before the mask; None where there is no such entry."""
    return next((entry.bits for entry in acl if (entry.tag, entry.id) == (tag, number)), None)


def allows(status: os.stat_result, acl: Acl, uid: int, groups: Collection[int], need: int) -> bool:
    """Whether a file's owner, mode and list allow all of `need`, by the steps of acl(5), "access check algorithm"."""
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == uid:
        return mode >> 6 & need == need
    # Linux looks at the list only where the group bits, which are its mask, leave anything of it (fs/namei.c).
    if not acl or not mode & 0o070:
        return mode >> (3 if status.st_gid in groups else 0) & need == need
    mask = mode >> 3 & 7 if bits_of(acl, MASK) is not None else 7
    own = bits_of(acl, USER, uid)
    if own is not None:
        return own & mask & need == need
    of_groups = [
        entry.bits
        for entry in acl
        if (entry.tag == GROUP_OBJ and status.st_gid in groups) or (entry.tag == GROUP and entry.id in groups)
    ]
    if of_groups:
        return any(bits & mask & need == need for bits in of_groups)
    return mode & need == need


def with_user(status: os.stat_result, acl: Acl, uid: int, need: int) -> Acl:
    """The list with `need` for one account more; what everybody else may do stays as it is."""
    mode = stat.S_IMODE(status.st_mode)
    base = acl or (Entry(USER_OBJ, mode >> 6 & 7), Entry(GROUP_OBJ, mode >> 3 & 7), Entry(OTHER, mode & 7))
    mask = mode >> 3 & 7 if bits_of(acl, MASK) is not None else 7
    # A wider mask must not give the others what the one before kept from them.
    masked = (USER, GROUP_OBJ, GROUP)
    kept = [
        entry._replace(bits=entry.bits & mask) if entry.tag in masked and need & ~mask else entry
        for entry in base
        if entry.tag != MASK and (entry.tag, entry.id) != (USER, uid)
    ]
    had = (bits_of(base, USER, uid) or 0) & mask
    if bits_of(acl, MASK) is None:
        # Where there was none, the group alone had what it has.
        mask = bits_of(base, GROUP_OBJ) or 0
    return (*kept, Entry(USER, had | need, uid), Entry(MASK, mask | had | need))
