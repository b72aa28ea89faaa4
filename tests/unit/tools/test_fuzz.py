"""What `make fuzz` does without a host: fault operators are whole, results are scored as docs/score.md is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue

from lab import breaking, fault
from lab.generator import shape
from lab.generator.choices import SINCE
from tools.fuzz import regressions, shrink
from tools.fuzz.__main__ import layers, line, seeds, summary
from tools.fuzz.trial import Result, is_honest, score

OPERATORS = fault.load()
# Numbers that draw also the options that came later.
LATER = range(SINCE, SINCE + 200)
FEATURES = set().union(*(shape.load(f"seed:{seed}").features() for seed in (*range(1, 200), *LATER)))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_whole(name: str) -> None:
    """Their causes are in the catalogue, what they ask of a host some host has, and bash can read them."""
    operator = OPERATORS[name]
    assert operator.causes
    assert {one for cause in operator.causes for one in cause.split("|")} <= catalogue.load().modes.keys()
    assert {word.removeprefix("not:") for word in operator.where} <= FEATURES
    text = breaking.prelude() + operator.script + operator.well + "".join(operator.among.values())
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_operator_suits_some_host() -> None:
    """What is drawn for a host suits it, alone or two together of different groups."""
    suited, pairs = set(), 0
    for seed in range(1, 600):
        features = shape.load(f"seed:{seed}").features()
        suitable = {operator.name for operator in fault.suitable(features)}
        suited |= suitable
        drawn = fault.drawn(features, Random(f"fault {seed}"))
        assert {operator.name for operator in drawn} <= suitable
        assert len({operator.group for operator in drawn}) == len(drawn)
        pairs += len(drawn) == 2
    assert suited == set(OPERATORS)
    assert pairs > 30


def test_the_score() -> None:
    """0 where a cause is missed, else the share that is true; where two are right, either will do."""
    assert score(["a"], ["a"]) == 1
    assert score(["a"], ["a", "x"]) == 0.5
    assert score(["a", "b"], ["a"]) == 0
    assert score(["a|b"], ["b"]) == 1
    assert score([], []) == 1


def test_an_outcome_is_what_the_edge_shows() -> None:
    """An expired certificate is in no answer of a site whose checks do not verify it: degraded, and not recovered."""
    assert is_honest("recovered", answers=True, healed=True)
    assert not is_honest("needs-human", answers=True, healed=True)
    assert is_honest("needs-human", answers=False, healed=False)
    assert not is_honest("degraded", answers=False, healed=False)
    assert is_honest("degraded", answers=True, healed=False)
    assert not is_honest("recovered", answers=True, healed=False)


def test_what_is_printed() -> None:
    """A void trial counts neither way."""
    results = [
        Result("1", "plain", {"app-stopped": {}}, ["a"], ["a"], heals=True, healed=True),
        Result(
            "2", "plain", {"way-closed": {"MODE": "700"}}, ["a"], ["b"], heals=True, failed=["causes", "not-healed"]
        ),
        Result("3", "plain", void="did not take"),
    ]
    assert summary(results) == "1 of 2 passed, 1 void; causes 0.50; healed 1 of 2; harmed 0; causes 1; not-healed 1"
    assert line(results[0]).startswith("seed 1: passed [app-stopped]")
    assert "right: ['a'], heals" in line(results[1])
    assert seeds("5", 2) == ["5", "6"]
    assert seeds("tutorial", 3) == ["tutorial"]


def test_layers_are_counted_by_what_was_right() -> None:
    """From the ground up; of two faults a trial counts for both of their layers, and one without a fault for none."""
    results = [
        Result("1", "", causes=["proxy/stopped", "database/stopped|database/masked"]),
        Result("2", "", causes=["database/stopped"], failed=["causes"]),
        Result("3", "", causes=["code/syntax-error"], void="it did not take"),
        Result("4", ""),
    ]
    assert layers(results) == "database 1 of 2, proxy 1 of 1"


def test_a_failure_is_made_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choices that the failure does not need are dropped; it fails because of the socket alone."""
    tried: list[str] = []

    def again(_name: str, seed: str, failing: Result) -> Result:
        tried.append(seed)
        fails = shape.load(f"seed:{seed}").socket
        return Result(seed, "", failing.faults, failed=["causes"] if fails else [])

    monkeypatch.setattr(shrink, "again", again)
    found = shrink.shrunk(
        "x", Result("plain,bind=folder,tls=no,code=copied", "", {"app-stopped": {}}, failed=["causes"])
    )
    assert shape.load(f"seed:{found.seed}").choices.unlike_plain() == ["bind"]
    assert len(tried) == 3


def test_a_failure_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tests/fuzz/regressions.json, with what was wrong."""
    monkeypatch.setattr(regressions, "PATH", tmp_path / "kept.json")
    regressions.PATH.write_text("[]", encoding="utf-8")
    result = Result("7", "", {"app-stopped": {}}, ["a"], ["b"], outcome="failed", failed=["causes"])
    regressions.keep(result)
    regressions.keep(result)
    kept = regressions.load()
    assert kept == [{"seed": "7", "faults": {"app-stopped": {}}, "because": "causes: came b (failed)"}]
