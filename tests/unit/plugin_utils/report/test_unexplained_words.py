"""What programs said stands first where no cause is known: nginx, systemd, the app."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.report import unexplained_words

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
