"""The brake: where many hosts show the same cause, a few are repaired before the others."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.run.brake import Brake, Turns, decide

STOPPED, REMOTE = "service/stopped", "database/unreachable-remote"


def record(host: str, *causes: str, repaired: bool = True, because: str = "the unit is stopped") -> Any:
    """An incident after the first look. repaired: whether its plan has a remedy for the causes."""
    plan = [{"remedy": "restart", "for": list(causes), "risk": "safe", "vars": {}}] if repaired and causes else []
    found = [{"id": name, "because": because} for name in causes]
    return {**incident_record.new(host, "recover"), "root_causes": found, "plan": plan}


def fleet(ill: int, well: int, *causes: str, **values: Any) -> list[Any]:
    """So many hosts that show causes, ill00 and so on, and so many that are well."""
    broken = [record(f"ill{number:02}", *causes, **values) for number in range(ill)]
    return broken + [record(f"well{number:02}") for number in range(well)]


def turns(records: list[Any], brake: Brake | None = None) -> Turns:
    """All that show a cause are to be repaired."""
    return decide(records, [item["host"] for item in records if item["root_causes"]], brake or Brake())


@pytest.mark.parametrize(
    ("ill", "well", "brake", "steps"),
    [
        pytest.param(10, 0, Brake(), [1, 3, 6], id="all-of-ten"),
        pytest.param(3, 0, Brake(), [1, 2], id="three-are-enough"),
        pytest.param(2, 0, Brake(), [2], id="two-are-never-too-many"),
        pytest.param(3, 7, Brake(), [3], id="thirty-percent-are-not-more-than-that"),
        pytest.param(4, 6, Brake(), [1, 3], id="forty-percent-are"),
        pytest.param(10, 90, Brake(most=5), [1, 3, 6], id="a-number-of-hosts"),
        pytest.param(5, 0, Brake(most=5), [5], id="no-more-than-that-number"),
        pytest.param(10, 0, Brake(canary=4), [4, 6], id="four-canaries"),
        pytest.param(3, 0, Brake(canary=5), [3], id="more-canaries-than-hosts"),
        pytest.param(10, 0, Brake(canary=0), [1, 3, 6], id="no-canary-is-one"),
        pytest.param(10, 0, Brake(share=1.0), [10], id="switched-off"),
    ],
)
def test_how_many_are_repaired_side_by_side(ill: int, well: int, brake: Brake, steps: list[int]) -> None:
    """More than 30 % and at least three hosts with the same cause: one first, then three times as many each time."""
    found = turns(fleet(ill, well, STOPPED), brake)
    assert [len(step) for step in found.steps] == steps
    assert [host for step in found.steps for host in step] == [f"ill{number:02}" for number in range(ill)]


def test_a_later_step_is_behind_all_that_were_before() -> None:
    """It stops at the first that does not hold: each host knows whom it waits for."""
    found = turns(fleet(6, 0, STOPPED))
    assert found.behind["ill01"] == (STOPPED, ["ill00"])
    assert found.behind["ill05"] == (STOPPED, ["ill00", "ill01", "ill02", "ill03"])
    assert "ill00" not in found.behind
    assert found.words() == [f"{STOPPED}: repaired on ill00 first; 5 hosts follow in steps, as long as each step holds"]


def test_who_has_another_cause_goes_on_alone() -> None:
    """The brake is for the hosts that share the cause; each shared cause has its own canary."""
    others = [record(f"old{number}", "code/syntax-error", because="line 3") for number in range(4)]
    alone = record("one", "host/disk-full")
    found = turns([*fleet(6, 0, STOPPED), *others, alone], Brake(most=3))
    assert found.steps == [
        ["ill00", "old0", "one"],
        ["ill01", "ill02", "ill03", "old1", "old2", "old3"],
        ["ill04", "ill05"],
    ]


def test_nothing_is_done_around_a_dependency_that_is_down() -> None:
    """It is named once; what else is planned on those hosts, such as a restart, is not begun."""
    broken = fleet(4, 2, REMOTE, because="203.0.113.7:5432: no route", repaired=False)
    broken[1]["root_causes"].append({"id": STOPPED, "because": "the unit is stopped"})
    broken[1]["plan"] = [{"remedy": "restart", "for": [STOPPED], "risk": "safe", "vars": {}}]
    found = turns(broken)
    assert found.steps == []
    assert set(found.held) == {"ill00", "ill01", "ill02", "ill03"}
    assert found.words() == [f"{REMOTE}, 203.0.113.7:5432 is down for 4 of 6 hosts; nothing is done around it"]


def test_what_each_host_has_of_its_own_does_not_hold_the_others() -> None:
    """A cause without a remedy that names nothing elsewhere is each host's own, and other repairs go on."""
    broken = fleet(4, 0, "code/import-error", repaired=False, because="views.py:12")
    found = turns(broken)
    assert (found.steps, found.held) == ([["ill00", "ill01", "ill02", "ill03"]], {})
