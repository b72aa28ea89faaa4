"""Whether an incident is news, and what people read of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import notification

CAUSE = {"id": "code/syntax-error", "title": "A file cannot be read by Python", "because": "", "risk": "ask"}
WAITS = {"id": "code/syntax-error", "approval": "code/syntax-error", "approve_with": "x", "by_hand": "git revert"}
DONE = {"remedy": "restart", "for": ["service/stopped"], "ok": True, "changed": True, "seconds": 1, "taken_back": False}


def record(outcome: str, **values: Any) -> Record:
    """A concluded record."""
    data: Any = incident_record.new("web1", "recover", "20260131T120000Z-ab12cd")
    return {**data, "outcome": outcome, "message": "502 on /", "seconds": 3.0, **values}


def test_the_same_incident_is_news_once() -> None:
    """It is another one by its outcome, its causes and what waits, not by when it was looked at."""
    first = record("needs-approval", root_causes=[CAUSE], awaiting=[WAITS])
    assert notification.is_news(first, "")
    last = notification.fingerprint(first)
    again = record("needs-approval", root_causes=[CAUSE], awaiting=[WAITS], seconds=99.0, message="502 on / and 1 more")
    assert not notification.is_news(again, last)
    for changed in (
        record("needs-human", root_causes=[CAUSE], awaiting=[WAITS]),
        record("needs-approval", root_causes=[CAUSE, {**CAUSE, "id": "database/stopped"}], awaiting=[WAITS]),
        record("needs-approval", root_causes=[CAUSE]),
    ):
        assert notification.is_news(changed, last)


@pytest.mark.parametrize(
    ("outcome", "last", "news"),
    [("healthy", "", False), ("healthy", "known", True), ("locked", "known", False), ("recovered", "same", True)],
)
def test_what_is_news_whatever_was_before(outcome: str, last: str, news: bool) -> None:
    """Well again, to who knows that it was not; each repair; nothing while somebody else is at work."""
    data = record(outcome)
    assert notification.is_news(data, notification.fingerprint(data) if last == "same" else last) is news


def test_what_people_read() -> None:
    """Outcome, cause, what was done, what waits and where the report is."""
    failed = {**DONE, "remedy": "migrate", "ok": False}
    data = record("needs-approval", root_causes=[CAUSE], awaiting=[WAITS], actions=[DONE, failed])
    assert notification.title(data) == "web1: needs-approval"
    assert notification.body(data, "https://reports.example/web1").splitlines() == [
        "502 on /",
        "Cause: code/syntax-error: A file cannot be read by Python",
        "Done: restart, migrate (failed)",
        "Waits for approval: code/syntax-error@web1",
        "Report: https://reports.example/web1",
    ]
    sent = notification.payload(data, "")
    assert sent["text"].startswith("web1: needs-approval\n502 on /\nCause")
    assert (sent["awaiting"], sent["done"]) == (["code/syntax-error@web1"], ["restart", "migrate (failed)"])


def test_text_from_a_host_calls_nobody() -> None:
    """<!channel> is a chat's own mark-up."""
    data = record("failed", message="<!channel> <https://evil.example|look>")
    assert not {"<", ">"} & set(notification.payload(data, "")["text"])
