"""Which recordings are made: those asked for, those that are missing or stale, or all."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import matrix
from lab import shape as shapes
from tools import record_evidence, recordings

CATALOGUE = load()
NAME = "database/stopped"


def test_all_pairs() -> None:
    """Each failure mode on each shape that suits it, and a healthy host of each shape."""
    pairs = record_evidence.wanted([], CATALOGUE)
    assert {shape for name, shape in pairs if name == recordings.HEALTHY} == set(shapes.names())
    assert [shape for name, shape in pairs if name == NAME] == matrix.suitable(CATALOGUE.modes[NAME])


def test_one_mode_and_one_pair() -> None:
    """A name takes its usual shape, a name with a shape that one, or all."""
    suitable = matrix.suitable(CATALOGUE.modes[NAME])
    assert record_evidence.wanted([NAME], CATALOGUE) == [(NAME, suitable[0])]
    assert record_evidence.wanted([f"{NAME}@unix"], CATALOGUE) == [(NAME, "unix")]
    assert record_evidence.wanted([f"{NAME}@all"], CATALOGUE) == [(NAME, shape) for shape in suitable]


@pytest.mark.parametrize("word", ["database/nosuch", f"{NAME}@nosuch", f"{NAME}@sqlite"])
def test_what_suits_nothing_is_refused(word: str) -> None:
    """A misspelt name must not record nothing and look well."""
    with pytest.raises(ValueError, match=word):
        record_evidence.wanted([word], CATALOGUE)


def test_a_fresh_recording_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`stale` goes on where a run was ended."""
    given = recordings.evidence(NAME)
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    recordings.write(NAME, "unix", given)
    left = record_evidence.wanted([record_evidence.STALE], CATALOGUE)
    assert set(record_evidence.everything(CATALOGUE)) - set(left) == {(NAME, "unix")}


def test_a_night_takes_each_mode_once_and_other_shapes_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a week of nights all pairs are recorded."""
    week = set()
    for night in range(matrix.PARTS):
        monkeypatch.setenv("RESCUE502_MATRIX", str(night))
        pairs = record_evidence.wanted([record_evidence.TONIGHT], CATALOGUE)
        assert {name for name, _shape in pairs} == {recordings.HEALTHY, *CATALOGUE.modes}
        week |= set(pairs)
    healthy = {pair for pair in record_evidence.everything(CATALOGUE) if pair[0] == recordings.HEALTHY}
    assert week | healthy == set(record_evidence.everything(CATALOGUE))
