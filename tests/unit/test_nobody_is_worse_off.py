"""Rules that hold for any evidence: a site that serves is not touched unasked, and nobody is worse off for a run."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import LAYERS, load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record, plan, setbacks
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import SiteState, site_state
from ansible_collections.rescue502.django.plugins.plugin_utils.run import verdict
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import take_in
from hypothesis import given
from hypothesis import strategies as st
from test_hostile import RECORDED, thorough

CATALOGUE = load()
MODES = CATALOGUE.modes
APPROVABLE = sorted(CATALOGUE.approvable())
# Of a second host: what it shows is mixed into what the first one shows, so that several causes meet.
SECTIONS = (
    "service",
    "database",
    "environment",
    "files",
    "code",
    "dependencies",
    "rehearsal",
    "trials",
    "proxy",
    "host",
    "log",
)
# What the edge answers, for each state that it can show.
STATUSES = {"well": 200, "refused": 503, "barred": 0, "down": 502}


@st.composite
def looks(draw: st.DrawFn) -> dict[str, Any]:
    """What two recorded hosts show, and an edge that serves, refuses, is barred, is down, or was not asked."""
    evidence = copy.deepcopy(RECORDED[draw(st.sampled_from(sorted(RECORDED)))])
    other = RECORDED[draw(st.sampled_from(sorted(RECORDED)))]
    for section in draw(st.lists(st.sampled_from(SECTIONS), unique=True)):
        if section in other:
            evidence[section] = copy.deepcopy(other[section])
    return with_edge(evidence, draw(st.sampled_from(["as recorded", *STATUSES, "failed"])), draw(st.booleans()))


def with_edge(evidence: dict[str, Any], how: str, configured: bool) -> dict[str, Any]:
    """Evidence whose edge shows something else. configured: whether the checks are the user's own."""
    edge = evidence["edge"]
    edge["configured"] = configured
    if how == "as recorded":
        return evidence
    if how == "failed":
        return {**evidence, "edge": {"failed": "no answer within 10 s"}}
    status = STATUSES[how]
    for check in edge["checks"]:
        wrong = "certificate: it has expired" if how == "barred" else "" if how == "well" else f"status {status}"
        check.update(status=status, well=how == "well", problem=wrong, error=wrong if not status else "", loops=False)
    edge.update(well=how == "well", statuses=[status])
    if how == "refused":
        paths = {check["url"].split("/", 3)[3] for check in edge["checks"]}
        rule = {"status": status, "words": "return 503", "condition": "", "file": "/etc/nginx/nginx.conf"}
        refusals = [{**rule, "path": f"/{path}", "app_status": 0, "certain": True} for path in paths]
        return {**evidence, "proxy": {**evidence.get("proxy", {}), "refusals": refusals}}
    return evidence


approvals = st.lists(st.sampled_from(APPROVABLE), unique=True, max_size=4)


def asked(action: plan.Action, approved: list[str]) -> bool:
    """Whether somebody has approved what an action is for."""
    return any(cause in approved or MODES[cause].remedy in approved for cause in action.causes)


@thorough
@given(looks(), approvals, st.booleans())
def test_a_site_that_serves_or_refuses_is_not_touched_unasked(
    evidence: dict[str, Any], approved: list[str], was_down: bool
) -> None:
    """Rules (a) and (d): what is done there was approved; but for what can wait, on a site that was down before."""
    assert_untouched(diagnose(evidence, CATALOGUE), approved, was_down)


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("how", ["well", "refused", "barred", "failed"])
def test_no_recorded_host_is_touched_unasked(how: str, configured: bool) -> None:
    """Whatever is broken on it, while its edge shows something else than an outage."""
    for name in RECORDED:
        found = diagnose(with_edge(copy.deepcopy(RECORDED[name]), how, configured), CATALOGUE)
        for was_down in (True, False):
            assert_untouched(found, [], was_down)


def assert_untouched(found: Diagnosis, approved: list[str], was_down: bool) -> None:
    """Nothing is planned on a site that is not down, but for what was approved, and what the rules except."""
    state = site_state(found.evidence)
    todo = plan.make(found, approved, was_down=was_down)
    severities = {finding.id: finding.severity for finding in found.findings}
    for action in (*todo.actions, *todo.later):
        if asked(action, approved) or state is SiteState.DOWN:
            continue
        layers = {MODES[cause].layer for cause in action.causes}
        if was_down and state in (SiteState.SERVES, SiteState.ANSWERS, SiteState.BARRED):
            lesser = not any(severities[cause] == "outage" for cause in action.causes)
            if lesser and not remedies.get(action.remedy).starts:
                continue
        if state is SiteState.BARRED:
            assert min(map(LAYERS.index, layers)) >= LAYERS.index("proxy"), action
        else:
            assert state is SiteState.ANSWERS, action
            assert (layers <= {"host", "database"}, "app" in remedies.get(action.remedy).starts) == (True, False), (
                action
            )
    assert state is not SiteState.REFUSES or not any(f.is_outage for f in found.findings if f.mode.layer in LAYERS[:8])


@thorough
@given(looks(), approvals)
def test_what_takes_no_site_down_comes_later(evidence: dict[str, Any], approved: list[str]) -> None:
    """Rule (d): while the site is down, nothing is done but for what takes it down."""
    found = diagnose(evidence, CATALOGUE)
    todo = plan.make(found, approved)
    outages = {finding.id for finding in found.findings if finding.is_outage}
    if site_state(found.evidence) in (SiteState.DOWN, SiteState.BARRED):
        assert all(outages & set(action.causes) for action in todo.actions)
        assert not any(outages & set(action.causes) for action in todo.later)
    else:
        assert todo.later == []


@thorough
@given(looks(), approvals)
def test_all_that_is_not_done_waits_with_a_way_on(evidence: dict[str, Any], approved: list[str]) -> None:
    """Each cause is repaired, waits for its approval, or is for a person; and an approval that is offered suffices."""
    found = diagnose(evidence, CATALOGUE)
    todo = plan.make(found, approved)
    handled = {cause for action in (*todo.actions, *todo.later) for cause in action.causes}
    handled |= {cause for item in todo.held_back for cause in item["for"]} | {item["id"] for item in todo.awaiting}
    assert {cause.id for cause in found.to_repair} <= handled
    # What no condition of its own for a repair holds for is for a person on this host.
    offered = {cause.id for cause in found.to_repair if cause.risk != "never"}
    assert offered <= set(APPROVABLE)
    for item in todo.awaiting:
        assert (item["approve_with"] is not None) == (item["id"] in offered)
        if item["approve_with"]:
            assert item["id"] not in {waiting["id"] for waiting in plan.make(found, [item["id"]]).awaiting}


@st.composite
def runs(draw: st.DrawFn) -> tuple[Any, Diagnosis]:
    """A record after one look and some remedies, and the look after them."""
    found, after = diagnose(draw(looks()), CATALOGUE), diagnose(draw(looks()), CATALOGUE)
    record: Any = incident_record.new("host", "recover", "id")
    _take_in(record, found)
    names = sorted({mode.remedy for mode in MODES.values() if mode.remedy})
    for remedy in draw(st.lists(st.sampled_from(names), max_size=4)):
        causes = draw(st.lists(st.sampled_from(sorted(MODES)), min_size=1, max_size=3))
        changed, look = draw(st.booleans()), draw(st.sampled_from([0, 1]))
        record["actions"].append(
            {"remedy": remedy, "for": causes, "changed": changed, "ok": True, "look": look, "taken_back": False}
        )
    return record, after


def _take_in(record: Any, found: Diagnosis) -> None:
    """Take in a look, as a run does."""
    take_in(record, found, plan.make(found), [])


@thorough
@given(runs())
def test_what_is_taken_back_is_exact_and_was_in_vain(run: tuple[Any, Diagnosis]) -> None:
    """Rule (b): nothing that has helped, or that cannot be undone exactly."""
    record, after = run
    before = {check["name"] for check in record["edge"]["checks"] if check["well"] is not True}
    vain = setbacks.in_vain(record, after)
    ids = {finding.id for finding in after.findings}
    for done in vain:
        assert (done["changed"], done["look"], remedies.get(done["remedy"]).undo) == (True, 1, "exact")
        failed = {check["name"] for check in after.evidence["edge"]["checks"] if check["well"] is not True}
        assert failed - before or (set(done["for"]) <= ids and not before - failed)


@thorough
@given(runs())
def test_a_worse_edge_is_an_alarm(run: tuple[Any, Diagnosis]) -> None:
    """Rules (b) and (e): never called recovered, and `again` is said of nothing that was not down."""
    record, after = run
    _take_in(record, after)
    outcome, message = verdict.judge(record, check_mode=False)
    was, now = record["edge"]["before"]["well"], record["edge"]["after"]["well"]
    acted = any(action["changed"] for action in record["actions"])
    if was and not now and acted:
        assert outcome == "harmed"
    if outcome == "harmed":
        assert acted
        assert "rescue502 undo id" in message
    if outcome == "recovered":
        assert now
        assert ("again" in message) == (not was)
    else:
        assert "answers again" not in message
