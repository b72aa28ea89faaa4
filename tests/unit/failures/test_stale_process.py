"""When what runs is called stale: on a recording, with one fact changed at a time."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings

STALE = "service/stale-process"
CATALOGUE = load()
CHECKS = [check["name"] for check in recordings.evidence(STALE)["edge"]["checks"]]


def changed(**facts: Any) -> dict[str, Any]:
    """The recording with these facts instead, each by its dotted name with __ for a dot; not started for trial.

    What a shadow start changes of it: test_shadow_start.py.
    """
    evidence = copy.deepcopy(recordings.evidence(STALE))
    evidence["shadow_start"] = {"tried": False, "why_not": "it starts a script"}
    for name, value in facts.items():
        *way, last = name.split("__")
        section: Any = evidence
        for step in way:
            section = section[step]
        section[last] = value
    return evidence


def test_the_recording_is_stale_and_a_restart_is_planned() -> None:
    """Unasked."""
    found = diagnose(changed(), CATALOGUE)
    assert [cause.id for cause in found.root_causes] == [STALE]
    assert [action.remedy for action in plan.make(found).actions] == ["restart"]


NOT_STALE = {
    "the edge is well": {"edge__well": True},
    "it asked nothing": {"edge__checks": []},
    "one answer is not the app's": {"proxy__handed_on": CHECKS[1:]},
    "one is not served for trial": {"rehearsal__steps__requests__served": CHECKS[1:]},
    "no request was made for trial": {"rehearsal__steps__requests": {"ok": True, "error": None, "seconds": 0.1}},
    "it would not start": {"rehearsal__steps__checks": {"ok": False, "error": None, "seconds": 0.1}},
    "it is down": {"service__unit__active_state": "failed"},
    "it does not listen": {"service__listening": False},
    "somebody else listens": {"service__foreign": [{"pid": 1, "command": "x", "unit": "", "foreign": True}]},
    "its workers time out": {"log__recent_timeouts": 1},
    "it has no file left": {"log__errors": ["OSError: [Errno 24] Too many open files"]},
    "it has no memory left": {"log__errors": ["MemoryError"]},
    "it may start no thread": {"log__errors": ["RuntimeError: can't start new thread"]},
    "the database takes no more": {"log__errors": ['FATAL: too many connections for role "shop"']},
    "it is shut off from something": {"service__unit__confinement": ["ProtectSystem=strict"]},
    "all connections are taken": {"database_activity__used": 98, "database_activity__max_connections": 100},
}


@pytest.mark.parametrize("why", NOT_STALE)
def test_something_else_explains_it(why: str) -> None:
    """Then it is not said that a restart would heal it."""
    found = diagnose(changed(**NOT_STALE[why]), CATALOGUE)
    assert STALE not in [finding.id for finding in found.to_repair]


def test_confinement_that_nobody_has_changed_is_no_news() -> None:
    """Since the last good state the unit's files are the same."""
    unchanged = {"count": 0, "list": []}
    evidence = changed(service__unit__confinement=["ProtectSystem=full"], changes={"since": "x", "units": unchanged})
    assert [cause.id for cause in diagnose(evidence, CATALOGUE).root_causes] == [STALE]


def test_a_cause_below_explains_it() -> None:
    """Such as one that comes and goes: the restart is not planned for its own sake."""
    evidence = changed()
    evidence["host"] = {**evidence["host"], "at_file_limit": [{"pid": 7, "command": "x", "open": 10, "limit": 10}]}
    assert [cause.id for cause in diagnose(evidence, CATALOGUE).root_causes] == ["host/fd-limit"]
