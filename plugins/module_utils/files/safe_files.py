# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Walking and opening files that an app's user may rearrange while root looks at them.

Everything here refuses to follow a symbolic link below the folder it was given: the owner of that folder could point
one at /etc/shadow and have root hand it over.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

MANY = 300_000
# As many as the kernel follows (path_resolution(7)).
MOST_LINKS = 40
# What a file that is read as text may hold: configuration and code, not uploads.
MOST_TEXT = 2**20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that somebody planted must not hang.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# Environments that were replaced, or are being made (remedies/venv_swap.py): they are no part of the app.
OWN_NAMES = re.compile(r"\.rescue502-(?:old|new)\b")

# A file that nobody else has made, nor put a link in the place of.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Entry(NamedTuple):
    """One file or folder: its absolute path and its own (never a link target's) status."""

    path: str
    st: os.stat_result

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder; a link to one is not."""
        return stat.S_ISDIR(self.st.st_mode)

    @property
    def mode(self) -> int:
        """Permission bits, 0 to 0o7777."""
        return stat.S_IMODE(self.st.st_mode)


def resolve(path: str) -> str:
    """Return the real path of `path`, whose links must be made by root or by the owner of what they lead to.

    A link is judged and read through one descriptor, so that none can be put in its place in between. What is opened
    by the path that is returned must refuse links again, as everything here does.

    Raises OSError where the path does not exist, PermissionError where a link in it cannot be trusted.
    """
    return _resolved(os.path.abspath(path), MOST_LINKS)


def _resolved(path: str, links: int) -> str:
    if links < 0:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    seen = os.path.sep
    for part in path.split(os.path.sep):
        if part in ("", "."):
            continue
        if part == "..":
            seen = os.path.dirname(seen)
            continue
        step = os.path.join(seen, part)
        fd = os.open(step, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            link = os.fstat(fd)
            if not stat.S_ISLNK(link.st_mode):
                seen = step
                continue
            target = os.readlink("", dir_fd=fd)
        finally:
            os.close(fd)
        seen = _resolved(os.path.join(seen, target), links - 1)
        if link.st_uid not in (0, os.lstat(seen).st_uid):
            raise PermissionError(f"{step} is a link made by uid {link.st_uid} to what belongs to somebody else")
    return seen


def walk(
    top: str,
    skip_names: frozenset[str] = frozenset(),
    skip: frozenset[str] = frozenset(),
    many: int = MANY,
    refused: list[str] | None = None,
) -> Iterator[Entry]:
    """Yield `top` and every regular file and folder below it, at most `many` of them.

    Links are neither followed nor yielded, other file systems mounted below `top` are not entered, nor are folders
    named in `skip_names`, nor the absolute paths in `skip`, nor environments that rescue502 itself keeps or makes.
    What vanishes or cannot be opened meanwhile is passed over.
    Folders that this account may not read are added to `refused`.
    """
    left = many
    try:
        fd = os.open(top, FOLDER)
    except OSError as error:
        if refused is not None and isinstance(error, PermissionError):
            refused.append(top)
        return
    first = os.fstat(fd)
    yield Entry(top, first)
    # Open descriptors wait on this stack, one a level, so that a renamed folder cannot lead the walk elsewhere.
    stack = [(top, fd)]
    while stack:
        folder, fd = stack.pop()
        below: list[tuple[str, int]] = []
        prefix = os.path.join(folder, "")
        try:
            with os.scandir(fd) as entries:
                for item in entries:
                    path = prefix + item.name
                    if item.name in skip_names or path in skip or OWN_NAMES.search(item.name):
                        continue
                    try:
                        st = item.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if stat.S_ISDIR(st.st_mode):
                        # Only folders tell: on overlayfs a file may show the lower layer's device.
                        if st.st_dev != first.st_dev:
                            continue
                        below.append((path, _open_below(item.name, fd)))
                        if refused is not None and not os.access(
                            item.name, os.R_OK | os.X_OK, dir_fd=fd, effective_ids=True
                        ):
                            refused.append(path)
                    elif not stat.S_ISREG(st.st_mode):
                        continue
                    left -= 1
                    if left < 0:
                        return
                    yield Entry(path, st)
        finally:
            os.close(fd)
            for path, inner in below:
                if inner >= 0:
                    stack.append((path, inner))
            if left < 0:
                for _path, inner in stack:
                    os.close(inner)


def _open_below(name: str, folder_fd: int) -> int:
    """Open the folder `name` below `folder_fd`; -1 where that is refused."""
    try:
        return os.open(name, FOLDER, dir_fd=folder_fd)
    except OSError:
        return -1


def open_folder(path: str) -> int:
    """Open the folder at the absolute real path `path`, each step without following a link. Raises OSError."""
    fd = os.open(os.path.sep, FOLDER)
    for part in [part for part in path.split(os.path.sep) if part]:
        try:
            step = os.open(part, FOLDER, dir_fd=fd)
        finally:
            os.close(fd)
        fd = step
    return fd


def open_entry(path: str) -> int:
    """Open the regular file or folder at the absolute real path `path` for reading, links refused. Raises OSError."""
    folder, name = os.path.split(path)
    if not name:
        return open_folder(path)
    parent = open_folder(folder)
    try:
        # Opening some devices does something: a watchdog begins to count.
        _require_plain(path, os.stat(name, dir_fd=parent, follow_symlinks=False))
        fd = os.open(name, FILE, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        _require_plain(path, os.fstat(fd))
    except OSError:
        os.close(fd)
        raise
    return fd


def _require_plain(path: str, status: os.stat_result) -> None:
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        raise OSError(f"{path} is neither a file nor a folder")


def read_bytes(path: str, most: int) -> bytes:
    """Return at most `most` bytes from the start of a regular file, links refused. Raises OSError."""
    fd = open_entry(path)
    with os.fdopen(fd, "rb") as file:
        return file.read(most)


def text(path: str, most: int = MOST_TEXT) -> str:
    """Return the first `most` bytes of a regular file as text. Only links that can be trusted are followed.

    For root, in a folder that others can write: it neither hangs at a FIFO nor reads what its owner could not.
    Raises OSError.
    """
    return read_bytes(resolve(path), most).decode("utf-8", "replace")


def tail(path: str, size: int) -> str:
    """Return the last `size` bytes of a regular file as text, under the same rules. Raises OSError."""
    with os.fdopen(open_entry(resolve(path)), "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read(size).decode("utf-8", "replace")


def remove(path: str) -> None:
    """Unlink the file, socket or empty folder at the absolute real path `path`, links refused. Raises OSError."""
    folder, name = os.path.split(path)
    parent = open_folder(folder)
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.rmdir(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)
    finally:
        os.close(parent)
