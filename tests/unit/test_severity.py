"""Findings that take no site down: never called the cause, never in the way of what brings the site back, never red."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from ansible_collections.rescue502.django.plugins.plugin_utils.run import settings, verdict
from ansible_collections.rescue502.django.plugins.plugin_utils.run.decision import decide
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident
from example_looks import with_edge

from rescue502 import offline
from tools import recordings

CATALOGUE = load()
MODES = CATALOGUE.modes
# Of an app that no unit runs, none of the lesser ones can be seen.
NO_UNIT = ("service/other-manager", "service/app-not-found")
OUTAGES = [
    name for name, mode in MODES.items() if mode.severity == "outage" and not mode.symptom and name not in NO_UNIT
]
# Some that are repaired unasked (by SAFE, in this order), two that wait for approval, and one for a person.
LESSER = {
    "files/env-file-exposed",
    "files/media-not-writable",
    "files/static-missing",
    "environment/debug-on",
    "service/not-enabled",
    "service/unit-changed",
}
SAFE = ["permissions", "collectstatic", "daemon_reload"]


def with_lesser_ones(name: str) -> dict[str, Any]:
    """A recording, and besides its own fault all of LESSER that its sections have room for."""
    evidence = copy.deepcopy(recordings.evidence(name))
    if "violations" in evidence.get("files", {}):
        violations = evidence["files"]["violations"]
        for mode, part in (("files/env-file-exposed", "env_file"), ("files/media-not-writable", "media")):
            violations[part] = recordings.evidence(mode)["files"]["violations"][part]
        evidence["files"].update(static_empty=True, media_was_used=True)
    steps = evidence.get("rehearsal", {}).get("steps", {})
    steps["static"] = {"step": "static", "ok": True, "error": None, "to_collect": True}
    if "debug" in steps.get("settings", {}):
        steps["settings"]["debug"] = True
    if "unit" in evidence.get("service", {}):
        evidence["service"]["unit"].update(needs_reload=True, objection="", file_state="disabled")
        if name not in MODES or "socket_activation" not in MODES[name].where:
            evidence["service"]["unit"].update(triggered_by=[])
    return evidence


def ids(findings: Any) -> set[str]:
    """Their ids."""
    return {finding.id for finding in findings}


def down() -> Diagnosis:
    """A site that is down because PostgreSQL is, with all of LESSER."""
    return diagnose(with_lesser_ones("database/stopped"), CATALOGUE)


@pytest.mark.parametrize("name", OUTAGES)
def test_nothing_lesser_is_called_the_cause_of_an_outage(name: str) -> None:
    """The same root causes with and without; and none of them is lost."""
    alone = diagnose(recordings.evidence(name), CATALOGUE)
    found = diagnose(with_lesser_ones(name), CATALOGUE)
    assert ids(found.also_found) >= LESSER & ids(found.findings)
    assert LESSER & ids(found.findings), "they took"
    assert ids(found.root_causes) == ids(alone.root_causes) == {name}


def test_where_nginx_answers_by_itself_nothing_below_it_takes_the_site_down() -> None:
    """In a maintenance, or where the app itself answers as wanted: what is found below is no outage."""
    evidence = with_edge(copy.deepcopy(recordings.evidence("database/stopped")), "refused", configured=True)
    severities = {finding.id: finding.severity for finding in diagnose(evidence, CATALOGUE).findings}
    assert severities["database/stopped"] == "degraded"
    checks = copy.deepcopy(evidence["edge"]["checks"])
    differing = [{"name": check["name"], "status": 503} for check in checks]
    above = {**evidence, "proxy": {**evidence["proxy"], "refusals": [], "differing": differing}}
    assert {
        finding.severity for finding in diagnose(above, CATALOGUE).findings if finding.id == "database/stopped"
    } == {"degraded"}
    down = {**evidence, "proxy": {**evidence["proxy"], "refusals": [], "differing": []}}
    assert [cause.id for cause in diagnose(down, CATALOGUE).root_causes] == ["database/stopped"]
    # What takes no site down stays what it is.
    lesser = with_edge(with_lesser_ones("database/stopped"), "refused", configured=True)
    kept = {finding.id: finding.severity for finding in diagnose(lesser, CATALOGUE).findings}
    assert kept["environment/debug-on"] == MODES["environment/debug-on"].severity == "advice"


def test_a_healthy_site_may_have_all_of_them() -> None:
    """Each is reported, none is a cause, and the run is not red, nor is it in check mode."""
    found = diagnose(with_lesser_ones(recordings.HEALTHY), CATALOGUE)
    assert (ids(found.also_found), found.root_causes) == (LESSER, ())
    incident = offline.diagnose(offline.Recorded("shop", found.evidence), CATALOGUE)
    assert (incident["outcome"], incident["root_causes"]) == ("degraded", [])
    assert {item["id"] for item in incident["awaiting"] if item["approve_with"]} == LESSER - {"environment/debug-on"}
    for check_mode in (False, True):
        record = {**incident, "mode": "recover"}
        record["outcome"], record["message"] = verdict.judge(record, check_mode)
        assert record["outcome"] == "degraded"
        assert verdict.is_good(record)


def test_what_brings_the_site_back_comes_first() -> None:
    """The lesser ones wait until it answers; then they are repaired from the ground up."""
    todo = plan.make(down())
    assert [action.remedy for action in todo.actions] == ["start_database", "restart"]
    assert [action.remedy for action in todo.later] == SAFE
    waits = {"environment/debug-on", "service/not-enabled", "files/env-file-exposed"}
    assert {item["id"] for item in todo.awaiting} == waits
    well = diagnose(with_lesser_ones(recordings.HEALTHY), CATALOGUE)
    assert (plan.make(well).actions, plan.make(well).later) == ([], [])
    for todo in (plan.make(well, was_down=True), plan.make(well, LESSER - {"service/not-enabled"})):
        assert ([action.remedy for action in todo.actions], todo.later) == (SAFE, [])


@pytest.mark.parametrize(("was_used", "is_given_back"), [(True, True), (False, False), (None, False)])
def test_uploads_that_the_app_never_wrote_are_not_given_back_unasked(
    was_used: bool | None, is_given_back: bool
) -> None:
    """Where nothing there is the app's own it may be kept from writing on purpose: an approval by name gives it back.

    None: it is not known.
    """
    name = "files/media-not-writable"
    evidence = copy.deepcopy(recordings.evidence(name))
    assert evidence["files"]["media_was_used"] is True
    assert [item for item in evidence["files"]["violations"]["media"] if "doubt" in item] == []
    if was_used is None:
        del evidence["files"]["media_was_used"]
    else:
        evidence["files"]["media_was_used"] = was_used
    found = diagnose(evidence, CATALOGUE)
    assert ids(found.also_found) == {name}
    todo = plan.make(found, was_down=True)
    assert [action.remedy for action in todo.actions] == (["permissions"] if is_given_back else [])
    assert [item["id"] for item in todo.awaiting if item["approve_with"]] == ([] if is_given_back else [name])
    assert [action.causes for action in plan.make(found, [name]).actions] == [[name]]


def test_one_remedy_for_both_runs_for_the_outage_first() -> None:
    """Owners of the code now, of the uploads later."""
    todo = plan.make(diagnose(with_lesser_ones("files/code-unreadable"), CATALOGUE))
    parts = "rescue502_permissions_parts"
    assert (todo.actions[0].remedy, todo.actions[0].vars[parts]) == ("permissions", ["code"])
    assert todo.later[0].vars[parts] == ["media"]


def test_where_nothing_can_be_done_for_the_outage_the_rest_waits() -> None:
    """A syntax error waits for approval, and what takes no site down with it: it may be what somebody is at work on."""
    todo = plan.make(diagnose(with_lesser_ones("code/syntax-error"), CATALOGUE))
    assert todo.actions == []
    assert [action.remedy for action in todo.later] == ["permissions", "daemon_reload"]
    assert [item["remedy"] for item in todo.held_back] == ["collectstatic"]


def test_a_run_does_the_rest_when_the_site_answers(tmp_path: Path) -> None:
    """One look's plan after the other: the rest is done when the site is back, and not while it is down."""
    given = settings.read({"inventory_hostname": "host"}, None)
    record = Incident(tmp_path, "id", "host", "recover")

    def look(found: Diagnosis) -> list[str]:
        planned = decide(found, [], given, record)["plan"]
        for action in planned:
            record.act(action["remedy"], action["for"], True, True)
        return [action["remedy"] for action in planned]

    assert look(down()) == ["start_database", "restart"]
    assert [action["remedy"] for action in record.data["plan"]] == ["start_database", "restart", *SAFE]
    assert look(down()) == []
    assert look(diagnose(with_lesser_ones(recordings.HEALTHY), CATALOGUE)) == SAFE
    assert look(down()) == []
    assert [item["id"] for item in record.data["root_causes"]] == ["database/stopped"]
    assert {item["id"] for item in record.data["also_found"]} == LESSER
    assert verdict.judge(record.data, check_mode=False) == (
        "failed",
        f"{record.data['edge']['after']['summary']}; the remedies did not bring the site back",
    )
    record.give_up({"collectstatic": 3}, 60)
    assert record.data["exhausted"] == [], (
        "a lesser one that was tried too often is no reason to call a person at night"
    )
    record.give_up({"start_database": 3}, 60)
    assert verdict.judge(record.data, check_mode=False)[0] == "needs-human"


def test_no_approval_is_asked_for_what_would_not_help(tmp_path: Path) -> None:
    """The edge is down for an unknown reason, and a unit that is not enabled waits for approval: no cause is known."""
    evidence = with_lesser_ones(recordings.HEALTHY)
    evidence["edge"]["well"] = False
    incident = offline.diagnose(offline.Recorded("shop", evidence), CATALOGUE)
    assert incident["root_causes"] == []
    assert any(item["approve_with"] for item in incident["awaiting"])
    assert incident["outcome"] == "needs-human"
    assert "the cause is not known" in incident["message"]
    assert "service/not-enabled" in incident["message"]


def test_what_explains_an_outage_is_one() -> None:
    """By a clock that is years ahead a good certificate has expired: the clock is the cause, not the certificate."""
    evidence = copy.deepcopy(recordings.evidence("edge/tls-expired"))
    assert ids(diagnose(evidence, CATALOGUE).root_causes) == {"edge/tls-expired"}
    evidence["probe"]["received"] = "2020-01-01T00:00:00Z"
    found = diagnose(evidence, CATALOGUE)
    assert (ids(found.root_causes), found.also_found) == ({"host/clock-skew"}, ())
    assert found.root_causes[0].public()["severity"] == "outage"


def test_reports_tell_both_apart() -> None:
    """In the text for a terminal, the ticket and the page."""
    incident = offline.diagnose(offline.Recorded("shop", with_lesser_ones("database/stopped")), CATALOGUE)
    text = report.render_text(incident)
    causes, _heading, others = text.partition("Also found, no cause of an outage:")
    assert "  database/stopped (safe)" in causes
    assert "files/static-missing" not in causes
    assert "  files/static-missing (safe)" in others
    assert "Also found, no cause of an outage:\n\n- **files/env-file-exposed**" in report.render_markdown(incident)
    assert "files/static-missing, safe, no cause of an outage" in report.render_html(incident)


@pytest.mark.parametrize(
    ("empty", "step", "found"),
    [
        (True, {"ok": True, "to_collect": True}, True),
        (False, {"ok": True, "to_collect": True}, False),
        (True, {"ok": True, "to_collect": False}, False),
        (True, {"ok": False, "error": {"type": "ImproperlyConfigured"}}, False),
        (True, None, False),
    ],
)
def test_static_files_are_missing_where_there_are_any(empty: bool, step: dict[str, Any] | None, found: bool) -> None:
    """By Django's own finders; where those could not be asked it is unknown."""
    evidence = copy.deepcopy(recordings.evidence("files/static-missing"))
    evidence["files"]["static_empty"] = empty
    evidence["rehearsal"]["steps"].pop("static")
    if step:
        evidence["rehearsal"]["steps"]["static"] = step
    assert ids(diagnose(evidence, CATALOGUE).findings) == ({"files/static-missing"} if found else set())
