# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files, folders and links below a folder that belong to given numbers, and their change of owner; nothing else's.

No link is followed, no mount entered, nothing opened for reading: each entry is held by a descriptor (O_PATH) that is
judged before its owner changes. What is in a folder comes before the folder, so that the account that gets a folder
cannot rearrange what is still to be judged in it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.files import hard_links, safe_files

# Deeper than any app's tree; each level holds a descriptor.
_DEEPEST = 200
_ACCESS_LIST, _CAPABILITY = "system.posix_acl_access", "security.capability"
_HELD = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
Pair = tuple[int, int]


class Numbers(NamedTuple):
    """What belongs to whom, and whose it becomes. gid: None where no group's number is looked for."""

    uid: int
    gid: int | None
    new_uid: int
    new_gid: int

    def after(self, status: os.stat_result) -> Pair:
        """Owner and group that an entry is to have."""
        uid = self.new_uid if status.st_uid == self.uid else status.st_uid
        return uid, self.new_gid if status.st_gid == self.gid else status.st_gid


class Entry(NamedTuple):
    """One name in a folder. objection: why it is never given away; doubt: why only a person can say whose it is."""

    name: str
    device: int
    inode: int
    before: Pair
    after: Pair
    objection: str = ""
    doubt: str = ""


class Folder(NamedTuple):
    """A folder's absolute path, and the entries in it that belong to the numbers."""

    path: str
    entries: list[Entry]


def find(top: str, numbers: Numbers, mounts: frozenset[str], many: int = safe_files.MANY) -> Iterator[Folder]:
    """Each folder with such entries, at and below the absolute real path `top`, the deepest first.

    mounts: the mount points, which are passed over. Raises OSError where `top` or a folder cannot be opened, or where
    more than `many` entries, or a deeper tree, are found: a part of the tree is not judged for the whole.
    """
    parent, name = os.path.split(top)
    status = os.lstat(top)
    if stat.S_ISDIR(status.st_mode):
        descriptor = safe_files.open_folder(top)
        try:
            yield from _below(descriptor, top, numbers, mounts, [many])
        finally:
            os.close(descriptor)
    # It was named by its path, so it is meant: who can write the folder that it is in counts for nothing.
    if entry := _entry(name, status, None, numbers):
        yield Folder(parent, [entry])


def _below(
    descriptor: int, path: str, numbers: Numbers, mounts: frozenset[str], left: list[int], depth: int = 0
) -> Iterator[Folder]:
    if depth > _DEEPEST:
        raise OSError(f"{path} lies too deep")
    own, found = os.fstat(descriptor), list[Entry]()
    doubt = _doubt(own, numbers, _ACCESS_LIST in _attributes(descriptor))
    with os.scandir(descriptor) as entries:
        listed = sorted((item.name, item.stat(follow_symlinks=False)) for item in entries)
    for name, status in listed:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("there are too many files to judge all of them")
        below = os.path.join(path, name)
        if stat.S_ISDIR(status.st_mode):
            # A folder bound to another place of the same file system has its device.
            if status.st_dev != own.st_dev or below in mounts:
                continue
            inner = os.open(name, safe_files.FOLDER, dir_fd=descriptor)
            try:
                yield from _below(inner, below, numbers, mounts, left, depth + 1)
            finally:
                os.close(inner)
        if below not in mounts and (entry := _entry(name, status, own, numbers, doubt)):
            if status.st_mode & 0o111 and _CAPABILITY in _attributes(f"/proc/self/fd/{descriptor}/{name}"):
                # The kernel takes them away with the owner, and nothing would give them back.
                entry = entry._replace(objection="has capabilities of its own")
            found.append(entry)
    if found:
        yield Folder(path, found)


def _entry(
    name: str, status: os.stat_result, folder: os.stat_result | None, numbers: Numbers, doubt: str = ""
) -> Entry | None:
    kind, before, after = stat.S_IFMT(status.st_mode), (status.st_uid, status.st_gid), numbers.after(status)
    # Sockets and pipes are made anew by who listens there; devices are nobody's.
    if after == before or kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        return None
    objection = ""
    if kind == stat.S_IFREG and status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        objection = "runs as its owner or group for all who start it"
    elif hard_links.has_other_names(status) and (doubt or not folder or folder.st_uid not in (0, status.st_uid)):
        objection = "is the same file as one elsewhere, and others may have put it here"
    return Entry(name, status.st_dev, status.st_ino, before, after, objection, doubt)


def _doubt(folder: os.stat_result, numbers: Numbers, has_access_list: bool) -> str:
    """Why an entry of a folder may have been moved there by somebody of this host; empty where it cannot."""
    if folder.st_uid not in (0, numbers.uid):
        return "lies in a folder of somebody else's"
    # The members of a group that is not here are nobody. Of an access list the group's bits are the mask (acl(5)).
    by_group = folder.st_mode & 0o020 and (folder.st_gid != numbers.gid or has_access_list)
    return "lies in a folder that others can write" if folder.st_mode & 0o002 or by_group else ""


def _attributes(file: int | str) -> list[str]:
    """The names of a file's extended attributes (xattr(7)), by its descriptor or its path."""
    try:
        return os.listxattr(file) if isinstance(file, int) else os.listxattr(file, follow_symlinks=False)
    except OSError:
        return []


def give(folder: str, entry: Entry) -> None:
    """Give one entry its new owner and group. Raises OSError where it is another one, or another's, by now."""
    parent = safe_files.open_folder(folder)
    try:
        _change(parent, entry.name, entry.before, entry.after, (entry.device, entry.inode))
    finally:
        os.close(parent)


def take_back(folder: str, names: list[str], before: Pair, after: Pair, dry: bool) -> tuple[list[str], list[str]]:
    """Give entries that are `after`'s to `before` again: (those that were changed, those that are another's by now).

    dry: change nothing. What is gone is neither. Raises OSError where the folder cannot be opened.
    """
    done, left = [], []
    parent = safe_files.open_folder(folder)
    try:
        for name in names:
            try:
                status = os.stat(name, dir_fd=parent, follow_symlinks=False)
                now = (status.st_uid, status.st_gid)
                wanted = _back(now, before, after)
                if wanted is None:
                    left.append(name)
                elif wanted != now:
                    if not dry:
                        _change(parent, name, now, wanted, (status.st_dev, status.st_ino))
                    done.append(name)
            except FileNotFoundError:
                continue
    finally:
        os.close(parent)
    return done, left


def _back(now: Pair, before: Pair, after: Pair) -> Pair | None:
    """Owner and group to give back; None where somebody has changed since what was given."""
    if now[0] not in (before[0], after[0]):
        return None
    if now[1] in (before[1], after[1]):
        return before
    # The owner itself may have chosen another group, as gunicorn does for its logs: that one stays.
    return None if before[0] == after[0] else (before[0], now[1])


def _change(parent: int, name: str, before: Pair, after: Pair, identity: tuple[int, int]) -> None:
    held = os.open(name, _HELD, dir_fd=parent)
    try:
        now = os.fstat(held)
        if (now.st_dev, now.st_ino) != identity or (now.st_uid, now.st_gid) != before:
            raise OSError("another file was put in its place")
        # Of a link the link itself: the descriptor is of it, and is not followed any further (proc(5)).
        os.chown(f"/proc/self/fd/{held}", *after)
    finally:
        os.close(held)
