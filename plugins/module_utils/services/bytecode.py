# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bytecode that Python would run though it does not match its source, and that Python makes anew. Format: PEP 552.

Only what is proved to be both is reported: what may be somebody's only copy of a module is never stale. So there is its
source, it lies in __pycache__ (what lies next to its source is not loaded), and git does not track it.
"""

from __future__ import annotations

import importlib.machinery
import os
import struct
from importlib.util import MAGIC_NUMBER, source_hash

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import git

SKIP_NAMES = frozenset({".git", "node_modules", "site-packages"})
GIT_TIMEOUT = 4.0
MOST_SOURCE = 2**24
_CACHE = "__pycache__"
_HEADER = struct.Struct("<4sL8s")
_HASHED, _CHECKED = 0b01, 0b10


def stale(root: str, exclude: list[str], limit: int) -> list[dict[str, str]]:
    """Stale bytecode below `root`, outside the folders `exclude`, at most `limit` files: {path, reason} each."""
    found: dict[str, str] = {}
    try:
        root = safe_files.resolve(root)
    except OSError:
        return []
    skip = frozenset(os.path.realpath(folder) for folder in exclude)
    for entry in safe_files.walk(root, skip_names=SKIP_NAMES, skip=skip):
        if not entry.is_dir and entry.path.endswith(".pyc") and (reason := why_stale(entry.path)):
            found[entry.path] = reason
            if len(found) >= limit:
                break
    tracked = _tracked(root, list(found)) if found else set()
    return [{"path": path, "reason": reason} for path, reason in found.items() if path not in tracked]


def why_stale(path: str) -> str:
    """Why Python would run this bytecode in place of its source, which differs; empty where it would not.

    The hash is the one that Python itself makes. It depends on the version: of another one's bytecode nothing is known.
    """
    source = _source(path)
    if not source:
        return ""
    try:
        magic, flags, kept = _HEADER.unpack(safe_files.read_bytes(path, _HEADER.size))
        # Python compares times and sizes, and hashes that are marked to be checked, by itself.
        if magic != MAGIC_NUMBER or not flags & _HASHED or flags & _CHECKED:
            return ""
        text = safe_files.read_bytes(source, MOST_SOURCE + 1)
    except (OSError, struct.error):
        return ""
    if len(text) > MOST_SOURCE or source_hash(text) == kept:
        return ""
    return "it was made of another source, and is marked never to be compared with it"


def _source(path: str) -> str:
    """The source that bytecode in __pycache__ was made of (PEP 3147); empty where it is not there, or is elsewhere."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) != _CACHE:
        return ""
    module = name.partition(".")[0]
    candidates = [
        os.path.join(os.path.dirname(folder), module + suffix) for suffix in importlib.machinery.SOURCE_SUFFIXES
    ]
    return next((source for source in candidates if os.path.isfile(source) and not os.path.islink(source)), "")


def _tracked(root: str, paths: list[str]) -> set[str]:
    """Those of the paths that git tracks; all of them where there is a checkout and git does not say."""
    top = git.top_of(root)
    if not top:
        return set()
    try:
        listed = git.Checkout(top).git("ls-files", "-z", timeout=GIT_TIMEOUT)
    except (git.GitError, OSError):
        return set(paths)
    names = {os.path.join(top, name) for name in listed.split("\0")}
    return {path for path in paths if path in names}
