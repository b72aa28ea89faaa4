"""A pause: how long it holds, whatever its file says and the clock does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import pause, state_directory
from ansible_collections.rescue502.django.plugins.modules import claim

DAY = 86400.0


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the pause of this host is kept."""
    monkeypatch.setattr(state_directory, "STATE", str(tmp_path / "rescue502"))
    state_directory.made()
    return tmp_path / "rescue502" / pause.NAME


def write(file: Path, content: str, age: float = 0.0) -> None:
    """A file as a deployment's own script may have written it, so many seconds ago."""
    file.write_text(content, encoding="utf-8")
    os.utime(file, (time.time() - age, time.time() - age))


def test_a_pause_holds_until_its_end_and_no_longer(file: Path) -> None:
    """Who, until when and why; a second one takes the place of the first."""
    assert pause.current() == {}
    begun = pause.begin("2h", "anna at laptop", "the database is moved")
    assert begun == pause.current()
    assert (begun["by"], begun["reason"]) == ("anna at laptop", "the database is moved")
    assert 7199 < begun["until"] - time.time() < 7202
    assert file.stat().st_mode & 0o777 == 0o600
    assert pause.begin("10m", "ben", "")["by"] == "ben"
    pause.end()
    pause.end()
    assert pause.current() == {}


@pytest.mark.parametrize(
    ("said", "age", "seconds_left"),
    [
        ({"until": "20m"}, 0, 1200),
        ({"until": "20m"}, 1199, 1),
        ({"until": "20m"}, 1201, None),
        ({"until": "2099-01-31T22:00:00Z"}, 0, 7 * DAY),
        ({"until": "2099-01-31T22:00:00Z"}, 7 * DAY + 1, None),
        ({"until": "2020-01-31T22:00:00Z"}, 0, None),
        ({"until": "some day"}, 0, 3600),
        ({"until": "2099-01-31T22:00:00"}, 0, 3600),
        ({}, 3601, None),
        ([], 0, 3600),
        # The clock was set back: a file of the future would hold until the clock is there again.
        ({"until": "2h"}, -3600, None),
        ({"until": "2099-01-31T22:00:00Z"}, -400 * DAY, None),
    ],
)
def test_whatever_the_file_says_it_ends(file: Path, said: object, age: float, seconds_left: float | None) -> None:
    """Counted from when it was written; without an end that can be read, an hour."""
    write(file, json.dumps(said), age)
    held = pause.current()
    assert bool(held) is (seconds_left is not None)
    assert not held or abs(held["until"] - time.time() - float(seconds_left or 0)) < 2


@pytest.mark.parametrize("content", ["", "{", "\0" * 100, "[" * 100_000, '{"until": 7, "by": [], "reason": {}}'])
def test_a_damaged_file_holds_for_an_hour(file: Path, content: str) -> None:
    """Such as one that was cut short: somebody has wanted a pause."""
    write(file, content)
    assert 3590 < pause.current()["until"] - time.time() < 3601
    write(file, content, age=3601)
    assert pause.current() == {}


def test_what_others_can_write_is_not_a_pause(file: Path, tmp_path: Path) -> None:
    """Nor a link to a file, nor a folder."""
    write(file, '{"until": "2h"}')
    assert pause.current()
    file.chmod(0o666)
    assert pause.current() == {}
    file.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o600)
    file.symlink_to(tmp_path / "elsewhere")
    assert pause.current() == {}
    file.unlink()
    file.mkdir()
    assert pause.current() == {}


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("8d", "at most 7 days"),
        ("2099-01-31T22:00:00Z", "at most 7 days"),
        ("2020-01-31T22:00:00Z", "is over already"),
        ("0m", "is over already"),
        ("tomorrow", "90m, 2h, 3d"),
        ("2099-01-31T22:00:00", "names no time zone"),
        ("", "is not a valid time"),
    ],
)
def test_a_pause_that_cannot_be_is_refused(file: Path, until: str, said: str) -> None:
    """And nothing is written."""
    with pytest.raises(ValueError, match=said):
        pause.begin(until, "anna", "")
    assert not file.exists()


class HeldLock:
    """A host's lock, in the hands of this run or of another one, or free."""

    def __init__(self, held: bool, own: bool) -> None:
        self._held, self._own = held, own

    def is_held(self) -> bool:
        return self._held

    def holder(self) -> dict[str, str]:
        return {}

    def is_own(self, _holder: dict[str, str]) -> bool:
        return self._own


@pytest.mark.parametrize(
    ("held", "own", "keeps"),
    [(False, False, True), (False, True, True), (True, False, True), (True, True, False)],
)
@pytest.mark.parametrize("window", [{}, {"until": 2e9, "by": "the inventory's maintenance window", "reason": ""}])
def test_a_run_under_way_goes_on(file: Path, held: bool, own: bool, keeps: bool, window: dict[str, object]) -> None:
    """Between a migration and its restart nobody is to stop it; all others do not begin."""
    write(file, '{"until": "20m", "by": "deploy.sh"}')
    found = claim.paused({"maintenance": window}, HeldLock(held, own))
    assert bool(found) is keeps
    assert not keeps or found["by"] == (window or {"by": "deploy.sh"})["by"]
