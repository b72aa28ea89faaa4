"""Failure modes that an operator's own doing looks like: not found there, or left until somebody asks for it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings

CATALOGUE = load()
Change = Callable[[dict[str, Any]], Any]
FRONT = {"pid": 7, "command": "haproxy -f /etc/haproxy.cfg", "unit": "haproxy.service", "foreign": True}


def set_in(path: str, value: Any) -> Change:
    """A change of one fact, by its path."""

    def change(evidence: dict[str, Any]) -> None:
        *names, last = path.split(".")
        for name in names:
            evidence = evidence[name]
        evidence[last] = value

    return change


def answered(status: int) -> Change:
    """Each failed check was answered with this status."""

    def change(evidence: dict[str, Any]) -> None:
        for check in evidence["edge"]["checks"]:
            check.update({} if check["well"] else {"status": status, "error": "", "problem": f"status {status}"})

    return change


def seen(name: str, *changes: Change) -> tuple[str, bool]:
    """The risk of a recorded failure mode after some changes, empty where it is not found; whether it is repaired."""
    evidence = copy.deepcopy(recordings.evidence(name))
    for change in changes:
        change(evidence)
    found = diagnose(evidence, CATALOGUE)
    risk = next((finding.risk for finding in found.findings if finding.id == name), "")
    return risk, any(name in action.causes for action in plan.make(found).actions)


LEFT, DONE, NOT_FOUND = ("ask", False), ("safe", True), ("", False)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("proxy/stopped", [], DONE),
        ("proxy/stopped", [set_in("proxy.fronts", [FRONT])], LEFT),
        ("proxy/stopped", [set_in("proxy.unit.file_state", "disabled")], DONE),
        ("proxy/stopped", [set_in("proxy.unit.file_state", "disabled"), set_in("edge.configured", False)], LEFT),
        ("proxy/stopped", [set_in("edge.well", True)], NOT_FOUND),
        ("proxy/stale-config", [], DONE),
        # A maintenance that was taken out on the disk, and not yet in nginx.
        ("proxy/stale-config", [answered(503)], LEFT),
        ("proxy/stale-config", [answered(403)], LEFT),
        ("service/hung", [], DONE),
        ("service/hung", [set_in("edge.configured", False)], LEFT),
        ("service/hung", [set_in("edge.well", True)], NOT_FOUND),
        # The app's own address streams; a check fails for another reason, or the app answers where it is asked.
        ("service/hung", [set_in("service.backend.status", 200)], NOT_FOUND),
        ("service/hung", [set_in("proxy.slow", [])], NOT_FOUND),
        ("schema/unapplied-migrations", [], DONE),
        # What runs is the code from before, and a page fails for another reason.
        ("schema/unapplied-migrations", [set_in("rehearsal.steps.requests", {"ok": True, "error": None})], LEFT),
        (
            "schema/unapplied-migrations",
            [
                set_in("rehearsal.steps.requests", {"ok": True, "error": None}),
                set_in("service.unit.active_state", "inactive"),
            ],
            LEFT,
        ),
        ("schema/unapplied-migrations", [set_in("edge.well", True)], LEFT),
        ("files/code-unreadable", [], DONE),
        ("files/code-unreadable", [set_in("service.backend.well", True), answered(500)], DONE),
        # What runs has read its code; nginx gets no answer for another reason.
        ("files/code-unreadable", [set_in("service.backend.well", True)], LEFT),
        ("files/code-unreadable", [set_in("service.backend.well", True), answered(0)], LEFT),
    ],
)
def test_what_may_be_an_operators_wish(name: str, changes: list[Change], expected: tuple[str, bool]) -> None:
    """The same host in the state that the failure mode is about, and in one that somebody may have made on purpose."""
    assert seen(name, *changes) == expected


def test_another_front_is_named() -> None:
    """The report says who listens in nginx's place."""
    evidence = copy.deepcopy(recordings.evidence("proxy/stopped"))
    evidence["proxy"]["fronts"] = [FRONT]
    (cause,) = diagnose(evidence, CATALOGUE).root_causes
    assert "in its place there is haproxy -f /etc/haproxy.cfg of haproxy.service" in cause.because


def test_the_app_is_no_cause_where_nginx_refuses() -> None:
    """A stopped app in a maintenance: found, offered for approval, and not called what takes the site down."""
    evidence = copy.deepcopy(recordings.evidence("service/stopped"))
    answered(503)(evidence)
    paths = [check["url"].split("/", 3)[3] for check in evidence["edge"]["checks"]]
    rule = {"status": 503, "words": "return 503", "condition": "", "file": "/etc/nginx/site", "app_status": 0}
    evidence["proxy"]["refusals"] = [{**rule, "path": f"/{path}", "certain": True} for path in paths]
    found = diagnose(evidence, CATALOGUE)
    assert [cause.id for cause in found.root_causes] == ["proxy/refuses-by-itself"]
    assert [finding.id for finding in found.also_found] == ["service/stopped"]
    assert plan.make(found).actions == []
    assert "return 503" in found.root_causes[0].because
    assert "the app itself does not answer" in found.root_causes[0].because
    todo = plan.make(found, ["service/stopped"])
    assert [action.remedy for action in todo.actions] == ["restart"]


def test_an_app_that_is_down_comes_back_without_the_migrations_that_nothing_has_asked_for() -> None:
    """Somebody may hold them back until tonight: the package is installed, and what the app then asks for is seen."""
    evidence = copy.deepcopy(recordings.evidence("dependencies/missing"))
    unapplied = recordings.evidence("schema/unapplied-migrations")["rehearsal"]["steps"]
    evidence["rehearsal"]["steps"]["migrations"] = unapplied["migrations"]
    found = diagnose(evidence, CATALOGUE)
    assert {"dependencies/missing", "schema/unapplied-migrations"} <= {cause.id for cause in found.root_causes}
    todo = plan.make(found)
    assert [(action.remedy, action.causes) for action in todo.actions] == [
        ("pip_install", ["dependencies/missing"]), ("restart", ["dependencies/missing"]),
    ]  # fmt: skip
    assert [item["id"] for item in todo.awaiting] == ["schema/unapplied-migrations"]
