"""Where no cause is known, what the programs themselves say comes first, the most decisive of it before the rest."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report, unexplained_words

REFUSED = 'duplicate key value violates unique constraint "x"\nDETAIL:  Key (id)=(1) already exists.'
ERROR = {"type": "IntegrityError", "message": REFUSED, "file": "/srv/shop/views.py", "line": 7, "chain": []}
SAID = 'IntegrityError at /srv/shop/views.py:7: duplicate key value violates unique constraint "x" DETAIL: Key (id)=(1)'
CAUSED = {**ERROR, "message": "no", "chain": [{"type": "KeyError", "message": "7"}, {"type": "X", "message": "no"}]}
EVIDENCE: dict[str, Any] = {
    "app": {"raised": ERROR},
    "proxy": {"errors": ["upstream sent too big header"]},
    "shadow_start": {"words": ["[ERROR] Exception in worker process", "[INFO] Listening"], "error": None},
    "edge": {
        "checks": [
            {"name": "/api", "status": 403, "well": False, "excerpt": "CSRF verification failed."},
            {"name": "/", "status": 403, "well": False, "excerpt": "CSRF verification failed."},
            {"name": "/x", "status": 502, "well": False, "excerpt": "502 Bad Gateway nginx/1.22.1"},
            {"name": "/health/", "status": 200, "well": True, "excerpt": "ok"},
        ]
    },
}


def test_the_exception_comes_first() -> None:
    """With the app's own place, and with PostgreSQL's DETAIL; then logs, answers and nginx."""
    found = unexplained_words.heard(EVIDENCE, [], well=False)
    assert [item["who"] for item in found] == ["the app", "the answer", "the app", "nginx"]
    assert found[0]["lines"][0].startswith(SAID)
    assert found[1]["lines"] == ["/api (403): CSRF verification failed."]
    assert found[2]["lines"] == ["[ERROR] Exception in worker process"]


@pytest.mark.parametrize("section", [{"app": {"raised": CAUSED}}, {"shadow_start": {"error": CAUSED}}])
def test_what_it_was_caused_by_is_said_once(section: dict[str, Any]) -> None:
    """A cause in the same words is no news."""
    words = "IntegrityError at /srv/shop/views.py:7: no; caused by KeyError: 7"
    assert unexplained_words.heard(section, [], well=False)[0] == {"who": "the app", "lines": [words]}


@pytest.mark.parametrize("evidence", [{}, {"app": None}, {"app": {"raised": "x"}}, {"edge": {"checks": "x"}}])
def test_what_a_host_may_answer(evidence: dict[str, Any]) -> None:
    """Nothing is made of it."""
    assert unexplained_words.heard(evidence, [], well=False) == []


@pytest.mark.parametrize("render", [report.render_text, report.render_markdown])
def test_it_stands_first_in_the_report(render: Any) -> None:
    """Where a cause is named, it is that which stands first."""
    incident = {**incident_record.new(), "host": "shop", "outcome": "needs-human", "evidence": EVIDENCE}
    text = render(incident)
    place = text.index("IntegrityError")
    assert 0 < place < 250, text
    cause = {"id": "code/x", "title": "t", "because": "b", "risk": "never", "known": "", "experiment": ""}
    assert "IntegrityError" not in render({**incident, "root_causes": [cause]})


UNIT = {"name": "app.service", "load_state": "loaded", "active_state": "failed", "sub_state": "failed"}


def said(evidence: dict[str, Any], *causes: str) -> dict[str, list[str]]:
    """Lines by who said them."""
    return {item["who"]: item["lines"] for item in unexplained_words.heard(evidence, causes, well=False)}


def test_systemd_speaks_of_what_does_not_run() -> None:
    """In its own words, and of neither unit that runs."""
    ended = {"unit": {**UNIT, "result": "timeout", "exit_status": 15}}
    evidence = {"service": ended, "proxy": {"unit": {"active_state": "active"}}}
    assert said(evidence) == {"systemd": ["app.service is loaded, failed, failed, Result=timeout, status=15"]}
    assert said({"service": {"unit": {**UNIT, "load_error": "Unit has a bad setting"}}})["systemd"] == [
        "app.service is loaded, failed, failed, Unit has a bad setting"
    ]
    assert said(evidence, "service/failed") == {}


def test_the_apps_last_words_where_none_reports_trouble() -> None:
    """What was tried counts first, then what its log calls an error, then its last lines."""
    log = {"lines": ["Listening", "Bye"], "errors": []}
    assert said({"log": log})["the app"] == ["Listening", "Bye"]
    assert said({"log": {**log, "errors": ["Error: x"]}})["the app"] == ["Error: x"]
    assert said({"log": log, "shadow_start": {"words": ["y"]}})["the app"] == ["y"]


def test_any_answer_of_a_host() -> None:
    """Odd ones are no words."""
    for odd in ({"service": 3}, {"service": {"unit": []}}, {"proxy": {"unit": {"name": 1}}}, {"log": {"lines": [1]}}):
        assert said(odd) == {}
