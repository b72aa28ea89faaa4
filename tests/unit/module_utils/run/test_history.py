"""The history of a host: which tries count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import budget, history, state_directory

UNIT, REMEDY, CAUSE = "shop.service", "pip_install", "dependencies/missing"


def run(incident: str, *actions: tuple[str, list[str]], unit: str = UNIT, outcome: str = "failed") -> dict[str, Any]:
    """A run that has come to its end."""
    done = [{"remedy": remedy, "for": causes, "ok": True, "changed": False} for remedy, causes in actions]
    return {"event": history.CONCLUDED, "incident": incident, "unit": unit, "outcome": outcome, "actions": done}


def begun(incident: str) -> dict[str, Any]:
    """What a run was about to do."""
    return {"event": history.BEGUN, "incident": incident, "unit": UNIT, "remedy": REMEDY, "causes": [CAUSE]}


COUNTED = {
    "runs that applied it": ([begun("a"), run("a", (REMEDY, [CAUSE])), run("b", (REMEDY, [CAUSE, "code/x"]))], 2),
    "not one that was interrupted": ([begun("a"), begun("b"), begun("c")], 0),
    "not one that never came to it": ([begun("a"), run("a", ("start_database", ["database/stopped"]))], 0),
    "not one that was taken back": (
        [run("a", (REMEDY, [CAUSE])), {"event": history.UNDONE, "incident": "a"}, run("b", (REMEDY, [CAUSE]))],
        1,
    ),
    "not one of another unit": ([run("a", (REMEDY, [CAUSE]), unit="billing.service")], 0),
    "not one for another cause": ([run("a", (REMEDY, ["dependencies/damaged"]))], 0),
    "once for each run": ([run("a", (REMEDY, [CAUSE]), (REMEDY, [CAUSE, "code/x"]))], 1),
    "not what is no record": (
        [{**run("a"), "actions": wrong} for wrong in (None, "x", [None], [{"remedy": REMEDY}], [{"for": 1}])],
        0,
    ),
}


@pytest.mark.parametrize("what", COUNTED)
def test_what_counts_as_a_try(what: str) -> None:
    """What a run has done to its end, and nobody has taken back."""
    tried, times = COUNTED[what]
    assert history.times(tried, UNIT, REMEDY, CAUSE) == (times, 0)


def test_what_helped_is_counted_apart() -> None:
    """The cause came back after the site was well: that was not in vain, and is not forgotten."""
    tried = [run("a", (REMEDY, [CAUSE])), *(run(name, (REMEDY, [CAUSE]), outcome="recovered") for name in "bc")]
    assert history.times(tried, UNIT, REMEDY, CAUSE) == (1, 2)


@pytest.mark.parametrize(("outcome", "most"), [("failed", 2), ("degraded", 2), ("recovered", 6)])
def test_neither_is_tried_without_end(outcome: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In vain as often as the budget says; what helps and breaks again three times as often."""
    given = {"window": 60, "unit": UNIT, "budget": 2, "remedies": [{"remedy": REMEDY, "causes": [CAUSE]}]}
    for number, spent in ((most - 1, []), (most, [{"remedy": REMEDY, "causes": [CAUSE], "times": most}])):
        runs = [run(str(at), (REMEDY, [CAUSE]), outcome=outcome) for at in range(number)]
        monkeypatch.setattr(history, "recent", lambda _window, runs=runs: runs)
        assert budget.exhausted(given) == spent


def test_a_run_that_has_begun_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the lines of what it was about to do."""
    monkeypatch.setattr(state_directory, "STATE", str(tmp_path / "state"))
    assert not history.has_begun("a")
    history.append(history.BEGUN, [{"incident": "a", "remedy": REMEDY}])
    history.append(history.CONCLUDED, [{"incident": "b", "actions": []}])
    assert history.has_begun("a")
    assert not history.has_begun("b")
