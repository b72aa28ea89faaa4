"""Reports that are kept on their host: bounded, root's own, and read whatever has become of them."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import kept_reports, state_directory


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a host."""
    monkeypatch.setattr(state_directory, "STATE", str(tmp_path / "rescue502"))
    return tmp_path / "rescue502"


def name(number: int) -> str:
    """An incident's id; the greater the number, the newer."""
    return f"20260131T12{number:04d}Z-ab12cd"


def test_the_newest_are_kept(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of them, and no more bytes than those."""
    assert kept_reports.kept() == []
    for number in range(kept_reports.MOST + 3):
        kept_reports.keep(name(number), json.dumps({"number": number, "outcome": f"{number}"}))
    assert kept_reports.kept() == [name(number) for number in range(3, kept_reports.MOST + 3)]
    assert kept_reports.read(name(5))["number"] == 5
    assert (state / "reports").stat().st_mode & 0o777 == 0o700
    sizes = [path.stat().st_size for path in (state / "reports").iterdir()]
    monkeypatch.setattr(kept_reports, "MOST_BYTES", max(sizes) * 4)
    kept_reports.keep(name(99), json.dumps({"number": 99}))
    assert kept_reports.kept()[-1] == name(99)
    assert 2 <= len(kept_reports.kept()) <= 4


def test_a_schedule_that_finds_the_same_keeps_one() -> None:
    """And does not drive out what was done once."""
    found = {"outcome": "needs-human", "root_causes": [{"id": "database/wrong-password"}], "actions": []}
    kept_reports.keep(name(1), json.dumps({**found, "outcome": "recovered", "actions": [{"remedy": "restart"}]}))
    for number in range(2, 30):
        kept_reports.keep(name(number), json.dumps({**found, "seconds": number}))
    assert kept_reports.kept() == [name(1), name(29)]
    kept_reports.keep(name(30), json.dumps({**found, "root_causes": []}))
    kept_reports.keep(name(31), json.dumps({**found, "root_causes": [], "actions": [{"remedy": "restart"}]}))
    assert kept_reports.kept() == [name(1), name(29), name(30), name(31)]


def test_one_of_the_same_incident_takes_its_place() -> None:
    """As a run on the same host under another name leaves it."""
    kept_reports.keep(name(1), "{}")
    kept_reports.keep(name(1), '{"a": 1}')
    assert (kept_reports.kept(), kept_reports.read(name(1))) == ([name(1)], {"a": 1})


@pytest.mark.parametrize(
    "incident", ["", "../../etc/passwd", "20260131T120000Z", "x" * 300, "20260131T120000Z-ab12cd/x"]
)
def test_what_is_not_an_incident_is_not_kept(incident: str, state: Path) -> None:
    """Its name is a file's."""
    with pytest.raises(ValueError, match="not an incident"):
        kept_reports.keep(incident, "{}")
    assert not state.exists()


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then those before stay."""
    kept_reports.keep(name(1), "{}")
    monkeypatch.setattr(kept_reports, "LARGEST", 100)
    with pytest.raises(ValueError, match="too large"):
        kept_reports.keep(name(2), "x" * 101)
    assert kept_reports.kept() == [name(1)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", gzip.compress(b"{")[:-4], gzip.compress(b"[]"), gzip.compress(b"[" * 99999)],
    ids=["empty", "not compressed", "cut off", "a list", "nested too deeply"],
)
def test_a_damaged_one_is_empty(content: bytes) -> None:
    """A disk that was full, a host that lost its power."""
    kept_reports.keep(name(1), "{}")
    Path(state_directory.path("reports", f"{name(1)}.json.gz")).write_bytes(content)
    assert kept_reports.read(name(1)) == {}
    assert kept_reports.read(name(2)) == {}


def test_what_was_news_before_the_site_was_well_is_over(state: Path) -> None:
    """The same fault a day later is another incident."""
    assert kept_reports.last_news(0) == ""
    kept_reports.remember_news("abc")
    assert kept_reports.last_news(0) == "abc"
    os.utime(state / kept_reports.LAST_NEWS, (time.time() - 60, time.time() - 60))
    assert kept_reports.last_news(time.time() - 90) == "abc"
    assert kept_reports.last_news(time.time() - 30) == ""
