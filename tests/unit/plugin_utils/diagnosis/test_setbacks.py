"""Remedies that were in vain, and an edge that is worse than before: from a record and one more look."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record, setbacks
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, Finding

MODES = load().modes
CODE, MISSING = "files/code-unreadable", "dependencies/missing"


def checks(**answers: int) -> list[dict[str, Any]]:
    """Answers of the edge by the names of their checks; 200 is well."""
    return [{"name": name, "status": status, "well": status == 200} for name, status in answers.items()]


def found(*ids: str, **answers: int) -> Diagnosis:
    """A look that finds these."""
    edge = {"checks": checks(**answers), "well": set(answers.values()) == {200}}
    findings = [Finding(MODES[name], "", "", (), MODES[name].severity, {}, MODES[name].risk) for name in ids]
    return Diagnosis(tuple(findings), {"edge": edge})


def done(remedy: str, *causes: str, **values: Any) -> dict[str, Any]:
    """A remedy that changed something since the first look. Its text is from a file: no literal of ours."""
    action = {"remedy": remedy, "for": causes, "changed": True, "ok": True, "look": 1, "taken_back": False, **values}
    read: dict[str, Any] = json.loads(json.dumps(action))
    return read


def record(*actions: dict[str, Any], well: bool = False, **answers: int) -> Any:
    """A record after one look and these remedies."""
    data = incident_record.new("host", "recover", "id")
    state = {"well": well, "summary": "as it was"}
    data["edge"] = {"before": state, "after": state, "checks": checks(**answers)}  # type: ignore[typeddict-item]
    return {**data, "passes": 1, "actions": list(actions), "evidence": {"edge": {"checks": checks(**answers)}}}


RIGHTS, RESTART = done("permissions", CODE), done("restart", CODE)


@pytest.mark.parametrize(
    ("actions", "look", "vain"),
    [
        # The cause is still there, and the edge is as it was.
        ([RIGHTS, RESTART], found(CODE, a=502, b=502), ["permissions"]),
        # It is gone, though another one shows now.
        ([RIGHTS, RESTART], found(MISSING, a=502, b=502), []),
        # Less fails than before.
        ([RIGHTS], found(CODE, a=200, b=502), []),
        # One of its two causes is gone.
        ([done("permissions", CODE, "files/media-not-writable")], found(CODE, a=502, b=502), []),
        # It changed nothing, it was of an earlier look, or it is taken back already.
        ([done("permissions", CODE, changed=False)], found(CODE, a=502, b=502), []),
        ([done("permissions", CODE, look=0)], found(CODE, a=502, b=502), []),
        ([done("permissions", CODE, taken_back=True)], found(CODE, a=502, b=502), []),
        # It failed half-way.
        ([done("permissions", CODE, ok=False)], found(CODE, a=502, b=502), ["permissions"]),
        # It cannot be taken back exactly, or nobody knows.
        ([done("free_disk_space", "host/disk-full")], found("host/disk-full", a=502, b=502), []),
        ([done("acme.ops.tidy", CODE)], found(CODE, a=502, b=502), []),
        # Nothing is known of the edge.
        ([RIGHTS], Diagnosis(found(CODE).findings, {"edge": {"failed": "no answer"}}), []),
        ([], found(CODE, a=502, b=502), []),
    ],
)
def test_what_was_in_vain(actions: list[dict[str, Any]], look: Diagnosis, vain: list[str]) -> None:
    """What can be taken back exactly, and after which the look is not better for it."""
    assert [item["remedy"] for item in setbacks.in_vain(record(*actions, a=502, b=502), look)] == vain


def test_where_the_edge_is_worse_nothing_has_helped() -> None:
    """Also what repaired its own cause; one check that is lost is enough."""
    before = record(RIGHTS, done("rebuild_venv", MISSING), RESTART, a=200, b=502)
    assert [setbacks.mark(item) for item in setbacks.in_vain(before, found(a=502, b=502))] == [
        "1-permissions",
        "1-rebuild_venv",
    ]
    assert setbacks.in_vain(before, found(a=200, b=502)) == []


@pytest.mark.parametrize(
    ("data", "after", "worse"),
    [
        (record(RIGHTS, well=True, a=200), {"a": 502}, "502 on a, where it was as it was"),
        (record(RIGHTS, a=200, b=502), {"a": 502, "b": 502}, "502 on a; before, a was well"),
        (record(RIGHTS, a=200, b=502), {"a": 200, "b": 502}, ""),
        (record(RIGHTS, a=502, b=502), {"a": 0, "b": 404}, ""),
        # What this run has not changed it has not harmed.
        (record(done("permissions", CODE, changed=False), well=True, a=200), {"a": 502}, ""),
        (record(well=True, a=200), {"a": 502}, ""),
    ],
)
def test_an_edge_that_is_worse(data: Any, after: dict[str, int], worse: str) -> None:
    """A check that was well before anything was changed, and is not any more."""
    well = set(after.values()) == {200}
    data["edge"] |= {"checks": checks(**after), "after": {"well": well, "summary": "502 on a"}}
    assert setbacks.worse_for(data) == (f"the edge is worse than before this run: {worse}" if worse else "")


def test_an_edge_that_did_not_hold_is_worse() -> None:
    """Each check was answered, and then one was not."""
    data = record(RESTART, well=True, a=200)
    data["edge"]["after"] = {"well": False, "summary": "did not hold: 502 on a"}
    assert "did not hold" in setbacks.worse_for(data)
