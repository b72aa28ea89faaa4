"""Dumps: whole or not at all, only with room, and the newest few of each database."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.remedies import database_dump
from ansible_collections.rescue502.django.plugins.module_utils.remedies.dump_postgresql import fitting
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory

MIB = 2**20


class Fake(database_dump.Source):
    """A database of so many bytes, which may fail half-way."""

    def __init__(self, name: str = "shop", size: int = 10, fails: bool = False) -> None:
        self.identity = {"engine": "fake", "host": "", "port": "", "name": name}
        self.bytes, self.fails = size, fails

    def size(self) -> int:
        return self.bytes

    def write(self, descriptor: int, seconds: float) -> None:
        os.write(descriptor, b"half")
        if self.fails:
            raise database_dump.DumpError("the server went away")

    def restore(self, path: str) -> str:
        return database_dump.while_stopped("shop.service", f"restore {path}")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder, for this test alone."""
    monkeypatch.setattr(state_directory, "STATE", str(tmp_path / "state"))
    monkeypatch.setenv(state_directory.INCIDENT, "20260131T120000Z-ab12cd")
    return tmp_path / "state" / database_dump.FOLDER


def test_a_dump_is_whole_private_and_reported(state: Path) -> None:
    """It has the incident's and the database's names, and a note next to it."""
    taken = database_dump.take(Fake(), 3, 1.0)
    assert taken["path"] == str(state / "20260131T120000Z-ab12cd-shop.dump")
    assert (taken["bytes"], Path(taken["path"]).stat().st_mode & 0o777) == (4, 0o600)
    assert taken["restore"] == f"systemctl stop shop.service && restore {taken['path']} && systemctl start shop.service"
    assert json.loads(Path(taken["path"] + ".json").read_text())["restore"] == taken["restore"]


def test_a_dump_that_fails_leaves_nothing_and_removes_nothing(state: Path) -> None:
    """What was there stays, and no half of the new one does."""
    database_dump.take(Fake(), 1, 1.0)
    before = sorted(os.listdir(state))
    with pytest.raises(database_dump.DumpError, match="went away"):
        database_dump.take(Fake(fails=True), 1, 1.0)
    assert sorted(os.listdir(state)) == before


def test_the_newest_few_of_each_database_stay(state: Path) -> None:
    """Another database's dumps, and files without a note, are not touched."""
    other = database_dump.take(Fake("my-shop"), 1, 1.0)["path"]
    (state / "by-hand-shop.dump").write_bytes(b"mine")
    taken = []
    for age in (40, 30, 20, 10):
        taken.append(database_dump.take(Fake(), 2, 1.0)["path"])
        os.utime(taken[-1], (os.stat(other).st_mtime - age,) * 2)
    left = {str(state / name) for name in os.listdir(state) if name.endswith(".dump")}
    assert left == {other, str(state / "by-hand-shop.dump"), *taken[2:]}
    assert len([name for name in os.listdir(state) if name.endswith(".json")]) == 3


def test_what_may_be_the_only_copy_of_rows_stays(state: Path) -> None:
    """However many come after it; and so does one of before that was noted."""
    lossy = [database_dump.take(Fake(), 1, 1.0, lossy=True)["path"] for _time in range(3)]
    unnoted = database_dump.take(Fake(), 1, 1.0)["path"]
    note = Path(f"{unnoted}.json")
    note.write_text(
        json.dumps({name: value for name, value in json.loads(note.read_text()).items() if name != "lossy"})
    )
    for path in (*lossy, unnoted):
        os.utime(path, (1, 1))
    for _time in range(2):
        newest = database_dump.take(Fake(), 1, 1.0)["path"]
    left = {str(state / name) for name in os.listdir(state) if name.endswith(".dump")}
    assert left == {*lossy, unnoted, newest}


def test_a_name_cannot_lead_out_of_the_folder(state: Path) -> None:
    """Whatever a database is called."""
    path = database_dump.take(Fake("../../etc/x y"), 1, 1.0)["path"]
    assert Path(path).parent == state


def test_somebody_elses_folder_is_refused(state: Path, tmp_path: Path) -> None:
    """A link in its place must not take the dump elsewhere."""
    state.parent.mkdir(mode=0o700)
    state.symlink_to(tmp_path)
    with pytest.raises(database_dump.DumpError, match="root alone"):
        database_dump.take(Fake(), 1, 1.0)


def test_without_room_there_is_no_dump() -> None:
    """A database as large as any disk does not fit; a small one does."""
    assert database_dump.require_room(Fake(size=1)) == 1
    with pytest.raises(database_dump.DumpError, match="no room for a dump of shop"):
        database_dump.require_room(Fake(size=2**60))


@pytest.mark.parametrize(
    ("needed", "free", "fits"), [(10, 100, True), (95, 100, True), (96, 100, False), (1, 5, False), (0, 5, True)]
)
def test_some_of_the_disk_stays_free(needed: int, free: int, fits: bool) -> None:
    """A twentieth of it; all in MiB, of a disk of 100."""
    assert (database_dump.shortage(needed * MIB, free * MIB, 100 * MIB) == "") == fits


@pytest.mark.parametrize(
    ("programs", "server", "chosen"),
    [
        ({"/a/13": 13, "/a/15": 15, "/a/17": 17}, 15, "/a/15"),
        ({"/a/13": 13, "/a/17": 17}, 15, "/a/17"),
        ({"/a/13": 13}, 15, ""),
        ({}, 0, ""),
        ({"/a/9": 9, "/a/13": 13}, 10, "/a/13"),
    ],
)
def test_pg_dump_is_as_new_as_the_server(programs: dict[str, int], server: int, chosen: str) -> None:
    """The nearest that is not older."""
    assert fitting(programs, server) == chosen
