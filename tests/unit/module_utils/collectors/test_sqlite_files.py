"""Which of SQLite's files an account may not use, as the kernel says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import sqlite_files
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
# Modes of the folder and of the files that are there, all of root's; and what is refused, by what it is.
WAYS = {
    "all is well": (0o777, {"": 0o666, "-wal": 0o666, "-shm": 0o666}, []),
    "another's log": (
        0o777,
        {"": 0o666, "-wal": 0o660, "-shm": 0o660},
        ["write-ahead log", sqlite_files.FILES["-shm"]],
    ),
    "another's journal": (0o777, {"": 0o666, "-journal": 0o600}, ["rollback journal"]),
    "a database to be read only": (0o777, {"": 0o644}, ["database"]),
    "a folder in which nothing can be made": (0o755, {"": 0o666}, ["folder"]),
    # What bars the way to all of them is named once.
    "a folder that is closed": (0o700, {"": 0o666, "-wal": 0o660}, ["folder"]),
    "nothing there yet": (0o777, {}, []),
}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter; those above tmp_path are closed by pytest."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_refused(place: Path, way: str) -> None:
    """The database, its folder and what lies next to it; a link to the database leads to those next to the real one."""
    mode, files, expected = WAYS[way]
    folder = place / "db"
    folder.mkdir()
    for end, bits in files.items():
        (folder / f"site.sqlite3{end}").touch()
        (folder / f"site.sqlite3{end}").chmod(bits)
    folder.chmod(mode)
    (place / "link").symlink_to(folder / "site.sqlite3")
    for name in (folder / "site.sqlite3", place / "link"):
        settings = {"databases": {"default": {"engine": "sqlite3", "name": str(name)}}}
        found = sqlite_files.refused(settings, Account("nobody", None), {})
        assert [item["what"] for item in found] == expected
        assert all("root:root" in item["barrier"] for item in found)


def test_what_is_not_asked(place: Path) -> None:
    """Another engine, a database in memory, and a place that the unit alone sees."""
    (place / "x").touch(mode=0o600)
    for engine, name in (("postgresql", str(place / "x")), ("sqlite3", ":memory:")):
        settings = {"databases": {"default": {"engine": engine, "name": name}}}
        assert sqlite_files.refused(settings, Account("nobody", None), {}) == []
    settings = {"databases": {"default": {"engine": "sqlite3", "name": str(place / "x")}}}
    assert sqlite_files.refused(settings, Account("nobody", None), {"TemporaryFileSystem": str(place)}) == []
    assert sqlite_files.refused(settings, Account("nobody", None), {}) != []
