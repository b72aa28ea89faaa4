"""Write-ahead log that a server does not need itself: by its control file, its archive's notes and its slots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_wal

REDO = "00000002000000000000000A"


def segment(number: int, time_line: int = 1) -> str:
    """The name of a file of the log."""
    return f"{time_line:08X}{0:08X}{number:08X}"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with eight files of the log before the one that is needed, which is the tenth, and two after."""
    (tmp_path / "pg_wal" / "archive_status").mkdir(parents=True)
    for number in (*range(2, 10), 10, 11):
        path = tmp_path / "pg_wal" / segment(number, 1 if number < 8 else 2)
        path.write_bytes(b"x" * 2**20)
        os.utime(path, (1000 + number, 1000 + number))
    monkeypatch.setattr(postgresql_wal, "_redo", lambda _folder: REDO)
    return tmp_path


def slot(data: Path, name: str, saved: float) -> None:
    """A replication slot whose state was saved then."""
    path = data / "pg_replslot" / name / "state"
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (saved, saved))


def kept(data: Path) -> Any:
    """What is known, without the hours."""
    found = postgresql_wal.kept(str(data))
    return {**found, "slots": [item["name"] for item in found["slots"]]} if found else found


def test_what_is_older_than_the_last_checkpoint(data: Path) -> None:
    """On whatever time line it is; slots that move on are saved at each checkpoint."""
    slot(data, "gone", 1001)
    slot(data, "in_use", 1500)
    for number in (2, 3, 11):
        (data / "pg_wal" / "archive_status" / f"{segment(number)}.ready").touch()
    assert kept(data) == {"folder": str(data / "pg_wal"), "mib": 8, "unarchived": 2, "slots": ["gone"]}


def test_nothing_is_older(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nobody says what is needed."""
    for redo in ("", segment(2)):
        monkeypatch.setattr(postgresql_wal, "_redo", lambda _folder, redo=redo: redo)
        assert kept(data) == {}


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """As where the file system is not mounted; a version that is a path of somebody's choice is not run."""
    assert kept(tmp_path) == {}
    (tmp_path / "PG_VERSION").write_text("../../tmp/evil\n")
    assert kept(tmp_path) == {}
