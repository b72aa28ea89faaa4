# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Disk usage: a file system's largest files and fullest folders, found within a time limit."""

from __future__ import annotations

import heapq
import os
import stat
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import processes
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import MIB, existing, mib

SECONDS = 1.0
SHOWN = 5


def largest(mount_points: list[str], device: int, first: list[str], seconds: float = SECONDS) -> dict[str, Any]:
    """{files: [{path, mib}], folders: [{path, mib, entries}], complete} of one file system.

    first: places to look at before the rest, for where time runs out. A folder counts what lies right in it.
    """
    deadline = time.monotonic() + seconds
    files: list[tuple[int, str]] = []
    folders: list[tuple[int, int, str]] = []
    todo = [*mount_points, *[existing(path) for path in reversed(first)]]
    seen: set[int] = set()
    while todo and time.monotonic() < deadline:
        folder = todo.pop()
        size, entries = 0, 0
        for path, status in _entries(folder, device, seen):
            entries += 1
            if stat.S_ISDIR(status.st_mode):
                todo.append(path)
            elif stat.S_ISREG(status.st_mode):
                blocks = status.st_blocks * 512
                size += blocks
                files = heapq.nlargest(SHOWN, [*files, (blocks, path)]) if _enters(files, blocks) else files
        folders.append((size, entries, folder))
    return {
        "files": [{"path": path, "mib": mib(size)} for size, path in files if size],
        "folders": [{"path": path, "mib": mib(size), "entries": entries} for size, entries, path in _top(folders, 0)],
        "crowded": [{"path": path, "mib": mib(size), "entries": entries} for size, entries, path in _top(folders, 1)],
        "complete": not todo,
    }


def deleted(device: int) -> list[dict[str, Any]]:
    """Files that are gone from their folder and still take space, because a process has them open."""
    found = {}
    for pid, path, status in processes.open_files():
        if status.st_dev == device and not status.st_nlink and status.st_blocks * 512 >= MIB:
            found[status.st_ino] = (status.st_blocks * 512, pid, path)
    return [
        {"path": _target(path), "mib": mib(size), "pid": pid, "command": processes.command_line(pid)[:200]}
        for size, pid, path in heapq.nlargest(SHOWN, found.values())
    ]


def _target(path: str) -> str:
    try:
        return os.readlink(path).replace(" (deleted)", "")
    except OSError:
        return ""


def _entries(folder: str, device: int, seen: set[int]) -> list[tuple[str, os.stat_result]]:
    """The entries of a folder on this device, unless it was looked into already; none where it cannot be read."""
    try:
        own = os.stat(folder)
        if own.st_dev != device or not stat.S_ISDIR(own.st_mode) or own.st_ino in seen:
            return []
        seen.add(own.st_ino)
        with os.scandir(folder) as entries:
            found = [(entry.path, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        return []
    return [(path, status) for path, status in found if status.st_dev == device]


def _enters(files: list[tuple[int, str]], size: int) -> bool:
    return size > 0 and (len(files) < SHOWN or size > files[-1][0])


def _top(folders: list[tuple[int, int, str]], key: int) -> list[tuple[int, int, str]]:
    return [row for row in heapq.nlargest(SHOWN, folders, key=lambda row: row[key]) if row[key]]
