# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""File systems: what statvfs(3) says of the one that a path lives on, and where it is mounted."""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

MIB = 2**20
# Less than this is nothing: not even a log line's block and a lock file next to it.
FULL_BELOW = 1 * MIB
# Of a small file system that would be much: there it is this part of it, and two blocks at least.
FULL_PART = 16
# Kinds of file systems that no other machine numbers the owners of.
_OWN_DISKS = {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "tmpfs", "xfs", "zfs"}


def existing(path: str) -> str:
    """The path itself or, where it is not there yet, the nearest folder above it; links are followed."""
    path = os.path.realpath(path)
    while not os.path.exists(path) and path != "/":
        path = os.path.dirname(path)
    return path


def facts(path: str, mounts: list[str], seen: str = "") -> dict[str, Any] | None:
    """{device, mount_point, total_mib, free_mib, reserved_mib, inodes, free_inodes, read_only, full, without_inodes}.

    mounts: from mount_points(). seen: by which path it is reached, where a unit sees another one there than this
    process. Free is what a user may have: ext4 keeps some blocks for root. An image that can only be read is always
    full to the brim, and never counts as full. None where the path cannot be asked.
    """
    path = existing(path)
    place = seen or path
    try:
        numbers = os.statvfs(place)
        device = os.stat(place).st_dev
        mount = _mount_of(path, mounts) if device == os.stat(path).st_dev else _mount_with(device, mounts) or path
    except OSError:
        return None
    free = numbers.f_bavail * numbers.f_frsize
    read_only = bool(numbers.f_flag & os.ST_RDONLY)
    return {
        "device": device,
        "mount_point": mount,
        "total_mib": mib(numbers.f_blocks * numbers.f_frsize),
        "free_mib": mib(free),
        "reserved_mib": (numbers.f_bfree - numbers.f_bavail) * numbers.f_frsize // MIB,
        "inodes": numbers.f_files,
        "free_inodes": numbers.f_favail,
        "read_only": read_only,
        "full": numbers.f_blocks > 0 and free < _full_below(numbers) and not read_only,
        "without_inodes": numbers.f_files > 0 and numbers.f_favail == 0 and not read_only,
    }


def mib(size: int) -> float:
    """A size in bytes as MiB: whole ones from ten on, else two decimals, for what is small is not nothing."""
    return size // MIB if size >= 10 * MIB else round(size / MIB, 2)


def _full_below(numbers: os.statvfs_result) -> int:
    """What a file system of this size must have free, in bytes."""
    size = numbers.f_blocks * numbers.f_frsize
    return min(FULL_BELOW, max(size // FULL_PART, 2 * numbers.f_frsize))


def without_programs(path: str) -> str:
    """The mount point of the file system that a file lives on where no program of it is run; else empty."""
    try:
        if not os.statvfs(path).f_flag & os.ST_NOEXEC:
            return ""
        return _mount_of(os.path.realpath(path), mount_points())
    except OSError:
        return ""


def modified(path: str) -> float:
    """When a file's content last changed, in seconds since the epoch; 0 where that cannot be seen."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def owner(path: str) -> str:
    """The account that a file or folder belongs to; empty where it is not there."""
    try:
        return accounts.user_name(os.stat(path).st_uid)
    except OSError:
        return ""


def keeps_own_numbers(path: str) -> bool:
    """Whether the owners on a path's file system are this host's numbers: on a disk of its own, and no share."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.split(" ") for line in file]
        mount = _mount_of(os.path.realpath(path), mount_points())
        # Of several mounts at one place the last one is seen.
        words = [line for line in lines if _unescape(line[4]) == mount][-1]
        kind = words[words.index("-") + 1]
    except (OSError, IndexError, ValueError):
        return False
    return kind in _OWN_DISKS and "idmapped" not in words[5].split(",")


def is_shared_memory(folder: str) -> bool:
    """Whether a folder is a memory disk of root's in which every account makes files and nobody takes another's.

    As /dev/shm and /run/lock are; folder: its real path. Sources: shm_overview(7), inode(7), S_ISVTX.
    """
    try:
        status = os.lstat(folder)
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            words = [line for line in map(str.split, file) if _unescape(line[4]) == folder][-1]
        kind = words[words.index("-") + 1]
    except (OSError, IndexError, ValueError):
        return False
    return kind == "tmpfs" and status.st_uid == 0 and stat.S_IMODE(status.st_mode) & 0o1777 == 0o1777


def mount_points() -> list[str]:
    """All mount points, the deepest first (proc(5), /proc/pid/mountinfo)."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            found = {_unescape(line.split(" ")[4]) for line in file}
    except (OSError, IndexError):
        found = set()
    return sorted(found | {"/"}, key=len, reverse=True)


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def _mount_with(device: int, mounts: list[str]) -> str:
    """A place where the file system of that device is mounted, the topmost; empty where none can be seen."""
    for mount in reversed(mounts):
        try:
            if os.stat(mount).st_dev == device:
                return mount
        except OSError:
            continue
    return ""


def _mount_of(path: str, mounts: list[str]) -> str:
    return next((mount for mount in mounts if is_below(path, mount)), "/")


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or something in it; both are absolute, without links."""
    top = folder.rstrip("/")
    return path == top or path.startswith(f"{top}/")
