"""Settings that are not valid, as the controller alone can know: refused by name, and the host not touched.

Those that only the host can know are in tests/hosts/test_bad_settings.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_hosts import FakeHost, Recovery, recover

from tools import recordings

# They share a run, so one worker takes them all.
pytestmark = pytest.mark.xdist_group("settings")

# By name: what the inventory sets, and what the message must name.
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an-unknown-approval": ({"rescue502_approve": ["code/no-such-mode"]}, "code/no-such-mode"),
    "an-approval-of-all": ({"rescue502_approve": ["*"]}, "'*'"),
    "an-approval-of-what-nobody-may-repair": ({"rescue502_approve": ["database/wrong-password"]}, "wrong-password"),
    "an-expired-approval": (
        {"rescue502_approve": [{"id": "code/syntax-error", "until": "2020-01-31T12:00:00Z"}]},
        "expired",
    ),
    "an-approval-until-some-day": (
        {"rescue502_approve": [{"id": "code/syntax-error", "until": "some day"}]},
        "is not a valid time",
    ),
    "an-approval-for-no-host": ({"rescue502_approve": ["code/syntax-error@elsewhere"]}, "no host of the inventory"),
    "an-approval-that-is-a-number": ({"rescue502_approve": [7]}, "is not a valid approval"),
    "a-hold-that-is-no-number": ({"rescue502_hold_seconds": "soon"}, "rescue502_hold_seconds"),
    "a-deadline-before-the-start": ({"rescue502_deadline": -1}, "rescue502_deadline"),
    "a-deadline-that-never-comes": ({"rescue502_deadline": "inf"}, "rescue502_deadline"),
    "a-budget-that-is-no-number": ({"rescue502_budget": "many"}, "rescue502_budget"),
    "a-window-that-is-no-number": ({"rescue502_budget_window": [1]}, "rescue502_budget_window"),
    "failure-modes-that-are-not-there": ({"rescue502_failures_path": ["/nowhere/at/all"]}, "/nowhere/at/all"),
}


@pytest.fixture(scope="module")
def recovery(tmp_path_factory: pytest.TempPathFactory) -> Recovery:
    """One recovery of a host for each, whose evidence asks for a restart, and one host more without a bad setting."""
    machines, folder = tmp_path_factory.mktemp("hosts"), tmp_path_factory.mktemp("settings")
    answer = {"changed": True, "evidence": recordings.evidence("service/stopped"), "rc": 0, "stdout": ""}
    claim = {"held": True, "holder": {}, "exhausted": [], "waited": 0}
    hosts = {name: FakeHost(name, machines / name).up(json.dumps({**answer, **claim})) for name in [*BAD, "control"]}
    return recover(hosts, {name: variables for name, (variables, _words) in BAD.items()}, folder)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_setting_is_refused_and_changes_nothing(recovery: Recovery, name: str) -> None:
    """The play fails, names what is wrong and says that nothing was changed; the host was looked at, at most."""
    recap = recovery.recap(name)
    assert (recap["failed"], recap["changed"]) == (1, 0)
    assert BAD[name][1] in recovery.failure(name)
    assert "Nothing was changed" in recovery.failure(name)
    assert recovery.hosts[name].asked() <= {"probe"}


def test_without_a_bad_setting_the_remedy_runs(recovery: Recovery) -> None:
    """The host on which nothing is wrong but the stopped unit is restarted: the others would have been, too."""
    assert "restart" in recovery.hosts["control"].asked()
    assert recovery.recap("control")["changed"] > 0
