"""A concluded incident as data: for the task's result, and for the next nodes of a workflow."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import conclusion
from ansible_collections.rescue502.django.plugins.plugin_utils.run import verdict


def record(**values: Any) -> Any:
    """A concluded incident of the host web1, with some values of its own."""
    return {**incident_record.new("web1", "recover", "20260131T120000Z-ab12cd"), "seconds": 8.25, **values}


def action(remedy: str, *, changed: bool = True, ok: bool = True) -> dict[str, Any]:
    """One remedy as the record keeps it."""
    return {"remedy": remedy, "for": ["a/b"], "changed": changed, "ok": ok, "seconds": 1.0, "message": "secret words"}


def waiting(name: str, approval: str, approve_with: str | None) -> dict[str, Any]:
    """What waits for a person."""
    return {"id": name, "remedy": "x", "approval": approval, "approve_with": approve_with, "by_hand": f"do {name}"}


def test_an_approval_always_names_its_host() -> None:
    """Handed on by one node of a workflow, it must not hold for the hosts of the next one."""
    items = [
        waiting("code/syntax-error", "code/syntax-error", "rescue502_approve"),
        waiting("database/locked", "database/locked@web1", "rescue502_approve"),
        waiting("host/clock-wrong", "host/clock-wrong", None),
    ]
    found = record(outcome="needs-approval", awaiting=items)
    assert conclusion.awaiting(found) == ["code/syntax-error@web1", "database/locked@web1"]
    assert conclusion.result(found)["by_hand"]["host/clock-wrong"] == "do host/clock-wrong"


def test_what_is_handed_on_is_by_host() -> None:
    """Of all hosts of the run, in mappings and one list."""
    causes = [{"id": "database/stopped", "because": "the unit is stopped"}]
    items = [waiting("code/syntax-error", "code/syntax-error@web1", "rescue502_approve")]
    one, other = record(outcome="recovered", root_causes=causes), record(outcome="needs-approval", awaiting=items)
    found = conclusion.artifacts([one, {**other, "host": "web2"}])
    assert found["rescue502_summary"] == {"web1": "recovered: database/stopped, 8.2 s", "web2": "needs-approval, 8.2 s"}
    assert found["rescue502_outcomes"] == {"web1": "recovered", "web2": "needs-approval"}
    assert found["rescue502_awaiting"] == ["code/syntax-error@web1"]


@pytest.mark.parametrize(
    ("outcome", "actions", "undo"),
    [
        pytest.param("recovered", [action("permissions")], "20260131T120000Z-ab12cd", id="owners-were-changed"),
        pytest.param("recovered", [action("restart")], "", id="nothing-but-a-restart"),
        pytest.param("recovered", [action("permissions", changed=False)], "", id="nothing-was-changed"),
        pytest.param("planned", [action("permissions")], "", id="a-check"),
    ],
)
def test_an_undo_is_named_where_something_can_be_taken_back(
    outcome: str, actions: list[dict[str, Any]], undo: str
) -> None:
    """By the incident's id, as rescue502_undo takes it."""
    found = conclusion.result(record(outcome=outcome, actions=actions))
    assert found["undo"] == undo
    assert "message" not in found["actions"][0]


@pytest.mark.parametrize(
    ("outcome", "ok", "fails"),
    [
        ("healthy", True, False),
        ("degraded", True, False),
        ("degraded", False, True),
        ("planned", True, False),
        ("locked", True, False),
        ("needs-approval", True, True),
        ("harmed", True, True),
    ],
)
def test_what_makes_a_play_fail(outcome: str, ok: bool, fails: bool) -> None:
    """A person has something to do, or a remedy has failed, whatever the site answers."""
    found = verdict.failing_outcomes(record(outcome=outcome, actions=[action("restart", ok=ok)]))
    assert bool(found & set(verdict.FAIL_ON)) is fails
