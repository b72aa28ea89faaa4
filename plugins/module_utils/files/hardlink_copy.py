# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copy a folder as hard links, so that it costs no room, and tell whether one was changed since.

Nothing follows a link, and the owner of the source may rearrange it meanwhile: every step is from an open folder.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

# What a copy leaves free, so that it never is what fills a file system.
SPARE = 64 * 2**20
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)
# Some tools write these in place, and would through a hard link change them in the source too.
_WRITTEN_IN_PLACE = (".pth", ".egg-link", ".cfg")


def fill(source: int, target: int, top: str, below: str = "") -> None:
    """Copy all that is in the open folder `source` into the open folder `target`, which is empty and root's alone.

    top: where the copy will be in the end; below: where in it these two are.
    Raises OSError where there is no room for what cannot be linked. What is mounted in it is copied as the rest.
    """
    for name in os.listdir(source):
        try:
            status = os.stat(name, dir_fd=source, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(status.st_mode):
            _folder(source, target, name, top, os.path.join(below, name))
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(_inward(os.readlink(name, dir_fd=source), top, below), name, dir_fd=target)
            os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
        elif stat.S_ISREG(status.st_mode):
            _file(source, target, name, below)


def _folder(source: int, target: int, name: str, top: str, below: str) -> None:
    old = os.open(name, safe_files.FOLDER, dir_fd=source)
    try:
        os.mkdir(name, 0o700, dir_fd=target)
        new = os.open(name, safe_files.FOLDER, dir_fd=target)
        try:
            fill(old, new, top, below)
            make_like(old, new)
        finally:
            os.close(new)
    finally:
        os.close(old)


def _file(source: int, target: int, name: str, below: str) -> None:
    """Link one file; copy it where it cannot be linked, and where a tool might write into both through the link."""
    if below != "bin" and not name.endswith(_WRITTEN_IN_PLACE):
        try:
            os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            return
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
    reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    with os.fdopen(reading, "rb") as old:
        room = os.fstatvfs(target)
        if room.f_bavail * room.f_frsize < os.fstat(reading).st_size + SPARE:
            raise OSError(errno.ENOSPC, "there is no room for a copy")
        with os.fdopen(os.open(name, safe_files.NEW, 0o600, dir_fd=target), "wb") as new:
            shutil.copyfileobj(old, new, 2**20)
            new.flush()
            make_like(reading, new.fileno())


def make_like(old: int, new: int) -> None:
    """Give one open file or folder the other's owner, mode, times, labels and access lists; set-id bits stay behind."""
    status = os.fstat(old)
    os.fchown(new, status.st_uid, status.st_gid)
    os.fchmod(new, stat.S_IMODE(status.st_mode) & (0o7777 if stat.S_ISDIR(status.st_mode) else 0o1777))
    try:
        for name in os.listxattr(old):
            if name != "security.capability":
                os.setxattr(new, name, os.getxattr(old, name))
    except OSError:
        # A file system without them, or a label that only the kernel may set.
        pass
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))


def _inward(link: str, top: str, below: str) -> str:
    """A link's target, made relative where it would lead from the copy back into what it is a copy of."""
    if not link.startswith(top + os.path.sep):
        return link
    return os.path.relpath(link, os.path.join(top, below))


def stamp(path: str) -> dict[str, Any]:
    """What shows whether anything below a folder was changed: the number of its files, their bytes, the newest's time.

    Bytecode is left out, which Python writes by itself.
    """
    files = [entry.st for entry in safe_files.walk(path, skip_names=frozenset({"__pycache__"})) if not entry.is_dir]
    return {
        "files": len(files),
        "bytes": sum(status.st_size for status in files),
        "newest": max((status.st_mtime_ns for status in files), default=0),
    }
