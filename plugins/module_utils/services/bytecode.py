# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bytecode that Python would run though it does not match its source. Format: PEP 552."""

from __future__ import annotations

import os
import struct

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

SKIP_NAMES = frozenset({".git", "node_modules", "site-packages"})
_HASHED, _CHECKED = 0b01, 0b10


def stale(root: str, exclude: list[str], limit: int) -> list[dict[str, str]]:
    """Stale bytecode below `root`, outside the folders `exclude`, at most `limit` files: {path, reason} each."""
    found: list[dict[str, str]] = []
    for entry in safe_files.walk(root, skip_names=SKIP_NAMES, skip=frozenset(exclude)):
        if entry.is_dir or not entry.path.endswith(".pyc"):
            continue
        reason = why_stale(entry.path)
        if reason:
            found.append({"path": entry.path, "reason": reason})
            if len(found) >= limit:
                break
    return found


def why_stale(path: str) -> str:
    """Why this bytecode should not be there; empty where Python would look at its source first."""
    source = _source(path)
    if not os.path.exists(source):
        # In __pycache__ Python ignores what has no source; next to the code it runs it.
        return "" if "__pycache__" in path else "its source is gone, and Python would run it all the same"
    if "__pycache__" not in path:
        return ""
    try:
        header = safe_files.read_bytes(path, 16)
    except OSError:
        return ""
    if len(header) < 16:
        return "it is cut short"
    (flags,) = struct.unpack_from("<4xL", header)
    if flags & _HASHED and not flags & _CHECKED:
        return "it is marked never to be compared with its source"
    return ""


def _source(path: str) -> str:
    """The source file that a bytecode file belongs to (PEP 3147)."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__":
        return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")
    return path[:-1]
