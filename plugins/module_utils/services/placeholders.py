# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tracked files in whose place something else lies: a pointer of Git LFS, or nothing at all, as after a full disk.

git says which files it keeps by a filter (gitattributes(5)), and which are not as the commit has them. What lies in
their place is looked at here: git-lfs itself is never run.
"""

from __future__ import annotations

import os
import stat

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout, GitError

GIT_TIMEOUT = 4.0
LIMIT = 20
MOST_LOOKED_AT = 500
# git-lfs/docs/spec.md: the first line of a pointer, which is smaller than this. The other name is its former one.
_POINTER = (b"version https://git-lfs.github.com/spec/v", b"version https://hawser.github.com/spec/v")
_POINTER_BYTES = 1024
_MOST_BYTES = 1 << 16


def pointers(checkout: Checkout) -> list[str]:
    """The paths of tracked files that are kept by Git LFS and in whose place a pointer lies, at most LIMIT."""
    try:
        listed = checkout.git("ls-files", "-z", "--", ":(top,attr:filter=lfs)", timeout=GIT_TIMEOUT)
    except (GitError, OSError):
        return []
    names = [name for name in listed.split("\0") if name][:MOST_LOOKED_AT]
    paths = [os.path.join(checkout.top, name) for name in names]
    return [path for path in paths if _begin(path, _POINTER_BYTES).startswith(_POINTER)][:LIMIT]


def emptied(top: str, modified: list[str]) -> list[str]:
    """The paths of tracked files that are empty, or hold nothing but zeros, unlike the commit's, at most LIMIT.

    modified: those that git finds to differ from the index, which has what was last checked out or added.
    """
    paths = [os.path.join(top, name) for name in modified[:MOST_LOOKED_AT]]
    return [path for path in paths if _is_void(path)][:LIMIT]


def _is_void(path: str) -> bool:
    """Whether a file is there, and nothing but zeros is in its begin."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        return False
    begin = _begin(path, _MOST_BYTES)
    return not begin.strip(b"\0") and bool(begin) == bool(status.st_size)


def _begin(path: str, most: int) -> bytes:
    """The first bytes of a file; none where it is not there, or a link is on the way."""
    try:
        return safe_files.read_bytes(path, most)
    except OSError:
        return b""
