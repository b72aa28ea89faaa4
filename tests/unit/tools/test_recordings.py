"""Recordings: the same evidence is the same file, and one that lacks what is collected today is stale."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from tools import recordings

NAME = "database/stopped"
MODE = load().modes[NAME]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of recordings that a test may write to."""
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    recordings.text.cache_clear()
    yield tmp_path
    recordings.text.cache_clear()


GIVEN = recordings.evidence(NAME)


def test_the_same_evidence_is_the_same_file(folder: Path) -> None:
    """No time, no order of keys: what has not changed is no change in git."""
    first = recordings.write(NAME, "tcp", GIVEN).read_bytes()
    again = recordings.write(NAME, "tcp", dict(reversed(GIVEN.items()))).read_bytes()
    assert first == again
    assert recordings.pairs() == [(NAME, "tcp")]
    assert recordings.stale(NAME, "tcp") == []
    assert list(folder.rglob("*.new")) == []


def test_what_is_derived_is_not_kept(folder: Path) -> None:
    """Nor the host's name; of logs, the ends are."""
    more = {**GIVEN, "app": {"rehearsed": True}, "probe": {**GIVEN["probe"], "clock_ahead": 0}}
    more["log"] = {**GIVEN["log"], "lines": [str(number) for number in range(99)]}
    recordings.write(NAME, "tcp", more)
    kept = recordings.evidence(NAME)
    assert "app" not in kept
    assert "clock_ahead" not in kept["probe"]
    assert kept["host"]["name"] == "host"
    assert kept["log"]["lines"][-1] == "98"
    assert len(kept["log"]["lines"]) == recordings.LINES


def test_a_recording_under_another_schema_is_stale(folder: Path) -> None:
    """By the digest of a section, and by what is not in it."""
    path = recordings.write(NAME, "tcp", {**GIVEN, "service": {"listening": "yes"}})
    whole = json.loads(gzip.decompress(path.read_bytes()))
    whole["schema"]["edge"] = "00000000"
    path.write_bytes(gzip.compress(json.dumps(whole).encode()))
    reported = recordings.stale(NAME, "tcp")
    assert reported[0] == "edge: its facts have changed since"
    assert "service.unit: not there, and always collected" in reported
    assert reported[-1] == "service.listening: str, and must be bool"


def test_a_host_test_records_where_it_is_asked_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence that does not keep to the schema fails it either way."""
    recordings.keep(MODE, "tcp", GIVEN)
    assert recordings.pairs() == []
    monkeypatch.setenv("RESCUE502_RECORD", "1")
    recordings.keep(MODE, "tcp", GIVEN)
    assert recordings.pairs() == [(NAME, "tcp")]
    with pytest.raises(AssertionError, match="nosuch"):
        recordings.keep(MODE, "tcp", {**GIVEN, "nosuch": {}})
