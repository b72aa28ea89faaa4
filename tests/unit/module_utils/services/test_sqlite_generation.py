"""A log or journal fits the database that it was written for, and no older or newer copy of it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import sqlite_format, sqlite_generation

ENDS = {"WAL": "-wal", "DELETE": "-journal", "PERSIST": "-journal"}


def left(database: Path, mode: str) -> Path:
    """What lies next to a database."""
    return database.with_name(database.name + ENDS[mode])


def changed(database: Path) -> Path:
    """A copy of a database that was changed a thousand times since."""
    content = bytearray(database.read_bytes())
    content[24:28] = (int.from_bytes(content[24:28], "big") + 1000).to_bytes(4, "big")
    copy = database.with_name("changed")
    copy.write_bytes(content)
    return copy


def objection(database: Path, end: str, log: Path | None = None) -> str:
    """What speaks against a log next to a database."""
    with (log or database.with_name(database.name + end)).open("rb") as file:
        return sqlite_generation.objection(end, file, database.read_bytes()[: sqlite_format.HEADER_BYTES])


def states(folder: Path, mode: str, seed: int) -> list[Path]:
    """Databases as a crash at some moment would leave them, with what lay next to them then, in order of time."""
    chance, kept = random.Random(seed), list[Path]()
    path = folder / "live.sqlite3"

    def keep() -> None:
        copy = folder / str(len(kept)) / "site.sqlite3"
        copy.parent.mkdir()
        for end in ("", ENDS[mode]):
            if Path(f"{path}{end}").exists():
                shutil.copy(f"{path}{end}", f"{copy}{end}")
        kept.append(copy)

    writers = [sqlite3.connect(path, isolation_level=None) for _number in range(2)]
    writers[0].execute(f"PRAGMA journal_mode={mode}")
    writers[0].execute("CREATE TABLE t (id INTEGER PRIMARY KEY, b)")
    for number in range(30):
        writer = chance.choice(writers)
        writer.execute("PRAGMA cache_size=1")
        writer.execute("BEGIN IMMEDIATE")
        for _row in range(chance.choice((1, 5, 60))):
            writer.execute("INSERT INTO t (b) VALUES (zeroblob(?))", (chance.choice((9, 900, 9000)),))
        if chance.random() < 0.3:
            writer.execute("DELETE FROM t WHERE id % 7 = ?", (number % 7,))
        keep()
        writer.execute(chance.choice(("COMMIT", "COMMIT", "COMMIT", "ROLLBACK")))
        keep()
        if mode == "WAL" and chance.random() < 0.2:
            writer.execute(f"PRAGMA wal_checkpoint({chance.choice(('PASSIVE', 'RESTART', 'TRUNCATE'))})")
            keep()
    for writer in writers:
        writer.close()
    return [copy for copy in kept if left(copy, mode).exists()]


@pytest.mark.parametrize("mode", ENDS)
@pytest.mark.parametrize("seed", range(2))
def test_what_belongs_together_fits(tmp_path: Path, mode: str, seed: int) -> None:
    """At each moment of two connections that write in turn, commit, roll back and check point."""
    found = [copy for copy in states(tmp_path, mode, seed) if left(copy, mode).stat().st_size]
    assert len(found) > 10
    assert [why for copy in found if (why := objection(copy, ENDS[mode]))] == []


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_copy_of_another_time_does_not_fit(tmp_path: Path, mode: str) -> None:
    """A backup in the database's place, next to what was left of a later or an earlier time."""
    # Those that have the first page do not fit a database of a thousand changes later.
    found = states(tmp_path, mode, 7)
    found = [copy for copy in found if objection(changed(copy), ENDS[mode], left(copy, mode))]
    first, last = found[0], found[-1]
    for database, log in ((first, last), (last, first)):
        why = objection(database, ENDS[mode], left(log, mode))
        assert why.startswith("was written for another state of the database: for change "), (database, log)


def test_without_the_first_page_nothing_is_known(tmp_path: Path) -> None:
    """A log of rows that took no new page, next to any state of the database."""
    path = tmp_path / "live.sqlite3"
    database = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "CREATE TABLE t (n)", "PRAGMA wal_checkpoint(TRUNCATE)"):
        database.execute(statement)
    database.execute("INSERT INTO t VALUES (1)")
    shutil.copy(f"{path}-wal", tmp_path / "log")
    assert objection(path, "-wal", tmp_path / "log") == ""
    database.close()
