# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a file system hides that is mounted over it: looked at in a copy of the one below, which nobody else sees.

open_tree(2) gives root such a copy without what is mounted on it, and it is gone with its descriptor.
"""

from __future__ import annotations

import ctypes
import os
import stat

from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems

# The number of the call on each architecture but Alpha (asm-generic/unistd.h); open_tree(2).
_OPEN_TREE = 428
_AT_FDCWD = -100
_CLONE = 1


def mount_over(path: str) -> str:
    """The mount point that hides `path`, which is not there, and is there below it; empty where none does.

    Empty too where the kernel does not let us look.
    """
    if os.path.lexists(path):
        return ""
    above = [point for point in filesystems.mount_points() if point != "/" and filesystems.is_below(path, point)]
    return next((point for point in above if _is_below(point, path)), "")


def _is_below(point: str, path: str) -> bool:
    """Whether the path is there in the file system that a mount point lies on. Links are not followed."""
    folder = os.path.dirname(point)
    libc = ctypes.CDLL(None, use_errno=True)
    opened = libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(folder), _CLONE | os.O_CLOEXEC)
    if opened < 0:
        return False
    try:
        return _exists(os.path.relpath(path, folder).split(os.sep), opened)
    finally:
        os.close(opened)


def _exists(names: list[str], top: int) -> bool:
    """Whether these, one in the other, are there below an opened folder, or a link is that may lead to them."""
    opened = list[int]()
    try:
        for name in names:
            opened.append(os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=opened[-1] if opened else top))
            if stat.S_ISLNK(os.fstat(opened[-1]).st_mode):
                break
        return True
    except OSError:
        return False
    finally:
        for descriptor in opened:
            os.close(descriptor)
