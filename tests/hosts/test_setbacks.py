"""What a run makes no better is taken back by itself, and an edge that is worse than before is an alarm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_migrations import invocation

from lab.site import Site, differences

MODE, REMEDY = "service/slow-to-open", "raise_fd_limit"
# A user's own failure mode, which names the wrong cause for whatever is wrong, or for nothing.
WRONG = """---
title: The app is slow to open files
means: Somebody was sure of it once.
risk: safe
severity: {severity}
edge: any answer
when:
  - service.unit.active_state == 'active'
because: it always is
remedy: {remedy}
{then}
by_hand: |
  systemctl edit {{{{ stack.unit }}}}
reproduce: |
  true
"""
# The app answers each request with 500, and nothing that is looked at says why.
UNEXPLAINED = """
with_hooks <<'HOOKS'
def post_worker_init(worker):
    from django.core.handlers.base import BaseHandler
    from django.http import HttpResponse
    BaseHandler.get_response = lambda self, request: HttpResponse("no", status=500)
HOOKS
restart_app
until_true "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH | grep -q 500"
"""
# Nothing is wrong before the next start.
AT_THE_NEXT_START = {
    "with more files": 'unit_drop_in "[Service]" "ExecStartPre=/bin/sh -c \'test $(ulimit -n) -lt 60000\'"',
    "at all": "unit_drop_in '[Service]' 'ExecStartPre=/bin/false'",
}


def settings(folder: Path, severity: str, remedy: str, then: str = "", **more: Any) -> dict[str, Any]:
    """The settings of a user who has that failure mode."""
    path = folder / f"{MODE}.yml"
    path.parent.mkdir(parents=True)
    path.write_text(WRONG.format(severity=severity, remedy=remedy, then=then), encoding="utf-8")
    return {"rescue502_failures_path": str(folder), "rescue502_level": "full", **more}


def done(incident: Any) -> list[tuple[str, bool, bool]]:
    """What was done, whether it changed anything, and whether it was taken back."""
    return [(action["remedy"], action["changed"], action["taken_back"]) for action in incident["actions"]]


def test_what_did_not_help_is_taken_back(site: Site, tmp_path: Path) -> None:
    """The site is as broken as before, and so is the host; the app was started from what is there again."""
    site.host.break_with("", UNEXPLAINED)
    broken, before = site.host.snapshot(), invocation(site)
    code, incident, output = site.play("recover", **settings(tmp_path / "own", "outage", REMEDY, "then: [restart]"))
    assert done(incident) == [(REMEDY, True, True), ("restart", True, False)], output
    assert "It did not help and was taken back." in incident["actions"][0]["message"]
    assert (code, incident["outcome"]) == (2, "failed"), output
    assert differences(broken, site.host.snapshot()) == set()
    assert invocation(site) != before
    assert "65536" not in site.host.run(f"systemctl show -P LimitNOFILESoft {site.shape.unit}").stdout


@pytest.mark.nightly
def test_what_made_it_worse_is_taken_back(site: Site, tmp_path: Path) -> None:
    """A site that serves, a repair that somebody approved, and an app that does not start with it."""
    site.host.break_with("", AT_THE_NEXT_START["with more files"])
    healthy = site.host.snapshot()
    own = settings(tmp_path / "own", "degraded", REMEDY, "then: [restart]")
    _code, incident, output = site.play("recover", **own)
    assert (incident["outcome"], incident["actions"]) == ("degraded", []), output
    _code, incident, output = site.play("recover", **own, rescue502_approve=[MODE])
    assert [(name, back) for name, _changed, back in done(incident)] == [(REMEDY, True), ("restart", False)], output
    assert incident["outcome"] == "degraded", output
    assert differences(healthy, site.host.snapshot()) == set()
    assert site.host.ask(site.shape.api_path)[0] == 200


@pytest.mark.parametrize("site", ["tcp", pytest.param("unix", marks=pytest.mark.nightly)], indirect=True)
def test_a_worse_edge_is_an_alarm(site: Site, tmp_path: Path) -> None:
    """A restart cannot be taken back: the run is red, says what it has done, and what to do."""
    site.host.break_with("", AT_THE_NEXT_START["at all"])
    assert site.host.ask(site.shape.api_path)[0] == 200
    own = settings(tmp_path / "own", "degraded", "restart", rescue502_approve=[MODE], rescue502_settle_seconds=5)
    code, incident, output = site.play("recover", **own)
    assert (code, incident["outcome"]) == (2, "harmed"), output
    assert "the edge is worse than before this run" in incident["message"]
    assert f"rescue502 undo {incident['incident']}" in incident["message"]
    assert "HARMED" in output
    assert site.host.ask(site.shape.api_path)[0] == 502
