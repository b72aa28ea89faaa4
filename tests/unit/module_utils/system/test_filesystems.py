"""When a file system is full, and when it merely is small, or has no inodes left."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import storage
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems

KIB, MIB = 2**10, 2**20
# Size and what is free in bytes, inodes and free inodes; then whether it is full, and whether it has no inodes left.
SIZES = {
    "64 KiB, no inodes": (64 * KIB, 64 * KIB, 3, 0, False, True),
    "64 KiB, all of it used": (64 * KIB, 0, 30, 9, True, False),
    "64 KiB, one block left": (64 * KIB, 4 * KIB, 30, 9, True, False),
    "1 MiB, nearly empty": (MIB, MIB - 8 * KIB, 30, 9, False, False),
    "1 MiB, to the brim, no inodes": (MIB, 0, 30, 0, True, True),
    "900 MiB, half a MiB left": (900 * MIB, MIB // 2, 9999, 99, True, False),
    "900 MiB, 5 MiB left": (900 * MIB, 5 * MIB, 9999, 99, False, False),
    "without a count of inodes": (900 * MIB, 5 * MIB, 0, 0, False, False),
    "no size at all": (0, 0, 0, 0, False, False),
}


def statvfs(size: int, free: int, inodes: int, free_inodes: int, flags: int = 0) -> Any:
    """A file system's numbers in blocks of 4 KiB."""
    block = 4 * KIB
    numbers = {"f_blocks": size // block, "f_bavail": free // block, "f_bfree": free // block}
    return SimpleNamespace(f_frsize=block, f_files=inodes, f_favail=free_inodes, f_flag=flags, **numbers)


@pytest.mark.parametrize("name", SIZES)
def test_full_is_a_part_of_the_size(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Less than 1 MiB; of one that is small itself, less than a sixteenth, or than two blocks."""
    size, free, inodes, free_inodes, full, without = SIZES[name]
    monkeypatch.setattr(os, "statvfs", lambda _path: statvfs(size, free, inodes, free_inodes))
    facts = filesystems.facts("/", ["/"])
    assert facts is not None
    assert (facts["full"], facts["without_inodes"]) == (full, without)


def test_what_can_only_be_read_is_not_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image is always full to the brim."""
    monkeypatch.setattr(os, "statvfs", lambda _path: statvfs(64 * KIB, 0, 0, 0, os.ST_RDONLY))
    facts = filesystems.facts("/", ["/"])
    assert facts is not None
    assert (facts["full"], facts["without_inodes"], facts["read_only"]) == (False, False, True)


@pytest.mark.parametrize(
    ("size", "mib"), [(0, 0), (64 * KIB, 0.06), (MIB + MIB // 2, 1.5), (10 * MIB, 10), (900 * MIB + 1, 900)]
)
def test_what_is_small_is_not_zero(size: int, mib: float) -> None:
    """Below ten MiB there are two decimals."""
    assert filesystems.mib(size) == mib


@pytest.mark.parametrize("without", [False, True])
def test_a_starved_database_has_no_room_or_no_inodes(monkeypatch: pytest.MonkeyPatch, without: bool) -> None:
    """PostgreSQL's words are the same for both: where no inode is left and blocks are free, it is the inodes."""
    monkeypatch.setattr(storage.postgresql_wal, "ran_out_of_space", lambda _folder: True)
    system = {"places": [{"purpose": "the database"}], "free_mib": 9, "without_inodes": without}
    system |= {"read_only": False, "full": False}
    storage._add_starved_databases([system], {"running": False, "listening": False, "folders": ["/data"]})
    assert system["full"] is not without


@pytest.mark.parametrize(
    ("path", "folder", "below"),
    [
        ("/srv/shop", "/srv", True),
        ("/srv", "/srv/", True),
        ("/srv/", "/srv", True),
        ("/srv-old/shop", "/srv", False),
        ("/srv", "/srv/shop", False),
        ("/srv", "/", True),
    ],
)
def test_what_is_below_a_folder(path: str, folder: str, below: bool) -> None:
    """The folder itself too, and not one whose name only begins alike."""
    assert filesystems.is_below(path, folder) == below
