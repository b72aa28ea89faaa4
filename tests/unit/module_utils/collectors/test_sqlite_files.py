"""Which of SQLite's files an account may not use, as the kernel says."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import sqlite_files
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account
from ansible_collections.rescue502.django.plugins.module_utils.services import sqlite_format

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
# Modes of the folder and of the files that are there, all of root's; and what is refused, by what it is.
WAYS = {
    "all is well": (0o777, {"": 0o666, "-wal": 0o666, "-shm": 0o666}, []),
    "another's log": (
        0o777,
        {"": 0o666, "-wal": 0o660, "-shm": 0o660},
        ["write-ahead log", sqlite_format.FILES["-shm"]],
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


def used(path: Path | str) -> dict[str, object]:
    """Settings whose database is this file."""
    return {"databases": {"default": {"engine": "sqlite3", "name": str(path)}}}


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_who_keeps_others_from_writing(place: Path, mode: str) -> None:
    """The process that has begun to write, in both of SQLite's ways; nobody, when it has ended; never who reads."""
    path = place / "site.sqlite3"
    script = (
        "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        f"database.execute('PRAGMA journal_mode={mode}')\ndatabase.execute('CREATE TABLE IF NOT EXISTS t (n)')\n"
        "database.execute(sys.argv[2])\ndatabase.execute('SELECT * FROM t').fetchall()\nprint('begun', flush=True)\n"
        "sys.stdin.read()\n"
    )
    for begin, count in (("BEGIN", 0), ("BEGIN IMMEDIATE", 1)):
        words = [sys.executable, "-c", script, str(path), begin]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "begun\n", "the fault"
            found = sqlite_files.writers(used(path))
            process.communicate("")
        assert [item["pid"] for item in found] == [process.pid] * count
        assert all(item["account"] == "root" and sys.executable in item["command"] for item in found)
    assert sqlite_files.writers(used(path)) == []


def test_other_databases_are_found(place: Path) -> None:
    """By their names and first bytes; the app's own, also by a relative name, is none of them."""
    for name in ("db/site.sqlite3", "old.sqlite3"):
        (place / name).parent.mkdir(exist_ok=True)
        with sqlite3.connect(place / name) as database:
            database.execute("CREATE TABLE t (n)")
    (place / "notes.db").write_text("no database")
    found = sqlite_files.others(used("db/site.sqlite3"), str(place), [str(place), str(place / "db")])
    assert [item["path"] for item in found] == [str(place / "old.sqlite3")]
    assert sqlite_files.others({"databases": {"default": {"engine": "postgresql"}}}, "/", [str(place)]) == []
