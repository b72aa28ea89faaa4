"""SQLite's files are recognised as SQLite writes them, whatever way of writing it was told."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import sqlite_format

SIZES = (512, 4096, 65536)
ROW = "INSERT INTO t VALUES (zeroblob(9000))"


def written(folder: Path, mode: str, page: int, *, commit: bool = True) -> dict[str, bytes]:
    """The first bytes of what SQLite has on the disk while a connection is open, by what the files' names end with."""
    database = sqlite3.connect(folder / "live.sqlite3", isolation_level=None)
    for statement in (f"PRAGMA page_size={page}", f"PRAGMA journal_mode={mode}", "CREATE TABLE t (b)", ROW):
        database.execute(statement)
    database.execute("PRAGMA cache_size=1")
    database.execute("BEGIN IMMEDIATE")
    for _number in range(200):
        database.execute(ROW)
    if commit:
        database.execute("COMMIT")
    found = {}
    for end in sqlite_format.FILES:
        if (folder / f"live.sqlite3{end}").exists():
            shutil.copy(folder / f"live.sqlite3{end}", folder / f"kept{end}")
            found[end] = (folder / f"kept{end}").read_bytes()[: sqlite_format.HEADER_BYTES]
    database.close()
    return found


@pytest.mark.parametrize("page", SIZES)
@pytest.mark.parametrize(
    ("mode", "commit", "ends"),
    [
        ("WAL", True, ["", "-wal", "-shm"]),
        ("DELETE", False, ["", "-journal"]),
        ("PERSIST", True, ["", "-journal"]),
        ("TRUNCATE", True, ["", "-journal"]),
    ],
)
def test_what_sqlite_writes(tmp_path: Path, mode: str, commit: bool, ends: list[str], page: int) -> None:
    """A log and its index; a journal that is hot, zeroed or emptied; each is what it is, and none of the others."""
    found = written(tmp_path, mode, page, commit=commit)
    assert list(found) == ends
    assert sqlite_format.page_size(found[""]) == page
    for end, header in found.items():
        assert sqlite_format.objection(end, header, found[""]) == ""
        others = {other for other in sqlite_format.FILES if other != end and header}
        reported = {other for other in others if sqlite_format.objection(other, header, found[""])}
        assert reported == others


def test_a_log_of_other_pages_is_of_another_database(tmp_path: Path) -> None:
    """And so is a journal of them."""
    for mode, end in (("WAL", "-wal"), ("DELETE", "-journal")):
        for page in SIZES[:2]:
            (tmp_path / f"{mode}{page}").mkdir()
        small, large = (written(tmp_path / f"{mode}{page}", mode, page, commit=mode == "WAL") for page in SIZES[:2])
        assert "is not a SQLite" in sqlite_format.objection(end, small[end], large[""])


@pytest.mark.parametrize("end", sqlite_format.FILES)
@pytest.mark.parametrize(
    "header",
    [b"root:$y$j9T$:20000:0:99999:7:::\n" * 16, b"\0" * 28, b"7", b"\x7fELF" * 128, bytes(11) + b"7" * 501],
    ids=["a list of passwords", "some zeros", "a byte", "a program", "zeros before something"],
)
def test_what_is_none_of_them(tmp_path: Path, end: str, header: bytes) -> None:
    """Next to a real database, under each of the names."""
    database = written(tmp_path, "DELETE", 4096)[""]
    assert "by its first bytes" in sqlite_format.objection(end, header, database)


def test_an_empty_database_is_none() -> None:
    """What lies next to it is not to be opened: SQLite deletes the log of an empty database."""
    assert sqlite_format.objection("", b"", b"") != ""
    assert sqlite_format.objection("-wal", b"\x37\x7f\x06\x82" + bytes(28), b"") != ""
