"""Rules that hold for any evidence: a site that serves is not touched unasked, and nobody is worse off for a run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import example_looks
import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import LAYERS
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record, plan, setbacks
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.record_look import take_in
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import SiteState, site_state
from ansible_collections.rescue502.django.plugins.plugin_utils.run import verdict
from example_looks import CATALOGUE, MODES, approvals_of, broken, recorded, recordings_of, require_met, with_edge
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hostile import RECORDED, thorough

APPROVABLE = sorted(CATALOGUE.approvable())


def asked(action: plan.Action, approved: list[str]) -> bool:
    """Whether somebody has approved everything that an action is for."""
    return all(cause in approved or MODES[cause].remedy in approved for cause in action.causes)


@pytest.mark.parametrize(
    ("edge", "configured", "state"),
    [
        ("well", True, "serves"),
        ("well", False, "answers"),
        ("refused", None, "refuses"),
        ("barred", None, "barred"),
        ("failed", None, "unknown"),
    ],
)
def test_a_site_that_serves_or_refuses_is_not_touched_unasked(edge: str, configured: bool | None, state: str) -> None:
    """Rules (a) and (d): what is done there was approved; but for what can wait, on a site that was down before."""
    met: Counter[str] = Counter()

    @settings(thorough, max_examples=70)
    @given(broken(edge, configured=configured), st.booleans(), st.data())
    def holds(evidence: dict[str, Any], was_down: bool, data: st.DataObject) -> None:
        found = diagnose(evidence, CATALOGUE)
        approved = data.draw(approvals_of(found))
        todo = assert_untouched(found, approved, was_down)
        met[site_state(found.evidence).value] += 1
        met["approved"] += any(asked(action, approved) for action in todo.actions)
        unasked = [cause for cause in found.to_repair if cause.risk == "safe" and cause.id not in approved]
        met["left alone"] += any(item["id"] == cause.id for cause in unasked for item in todo.awaiting)
        met["repaired when it answers again"] += was_down and any(not asked(a, approved) for a in todo.actions)

    holds()
    require_met(
        met, state, "approved", "left alone", *(["repaired when it answers again"] if edge == "well" else []), least=2
    )


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("how", ["well", "refused", "barred", "failed"])
def test_no_recorded_host_is_touched_unasked(how: str, configured: bool) -> None:
    """Whatever is broken on it, while its edge shows something else than an outage."""
    for name in RECORDED:
        found = diagnose(with_edge(recorded(name), how, configured), CATALOGUE)
        for was_down in (True, False):
            assert_untouched(found, [], was_down)


def assert_untouched(found: Diagnosis, approved: list[str], was_down: bool) -> plan.Plan:
    """The plan; on a site that is not down it has nothing but what was approved, and what the rules except."""
    state = site_state(found.evidence)
    todo = plan.make(found, approved, was_down=was_down)
    severities = {finding.id: finding.severity for finding in found.findings}
    for action in (*todo.actions, *todo.later):
        unasked = [cause for cause in action.causes if not {cause, MODES[cause].remedy} & {*approved}]
        if not unasked or state is SiteState.DOWN:
            continue
        layers = {MODES[cause].layer for cause in unasked}
        if was_down and state in (SiteState.SERVES, SiteState.ANSWERS, SiteState.BARRED):
            lesser = not any(severities[cause] == "outage" for cause in unasked)
            if lesser and (len(unasked) < len(action.causes) or not remedies.get(action.remedy).starts):
                continue
        if state is SiteState.BARRED:
            assert min(map(LAYERS.index, layers)) >= LAYERS.index("proxy"), action
        else:
            assert state is SiteState.ANSWERS, action
            starts = "app" in remedies.get(action.remedy).starts and len(unasked) == len(action.causes)
            assert (layers <= {"host", "database"}, starts) == (True, False), action
    assert state is not SiteState.REFUSES or not any(f.is_outage for f in found.findings if f.mode.layer in LAYERS[:8])
    return todo


def test_what_takes_no_site_down_comes_later() -> None:
    """Rule (d): while the site is down, nothing is done but for what takes it down."""
    met: Counter[str] = Counter()

    @settings(thorough, max_examples=150)
    @given(broken("down", "partly", "barred", "well"), st.data())
    def holds(evidence: dict[str, Any], data: st.DataObject) -> None:
        found = diagnose(evidence, CATALOGUE)
        todo = plan.make(found, data.draw(approvals_of(found)))
        outages = {finding.id for finding in found.findings if finding.is_outage}
        met["later"] += bool(todo.later)
        met["first, and later"] += bool(todo.later and todo.actions)
        if site_state(found.evidence) in (SiteState.DOWN, SiteState.BARRED):
            assert all(outages & set(action.causes) for action in todo.actions)
            assert not any(outages & set(action.causes) for action in todo.later)
        else:
            met["all while it answers"] += bool(todo.actions)
            assert todo.later == []

    holds()
    require_met(met, "later", "first, and later", "all while it answers")


def fails_aside(evidence: dict[str, Any]) -> bool:
    """Whether the app's rehearsal fails, and its shadow start, where it was made, does not serve."""
    return evidence.get("app", {}).get("serves") is False


def test_what_failed_when_it_was_tried_is_not_started() -> None:
    """Rule (c): while a cause of that is not repaired, and may not be, nothing starts the app or runs its code."""
    met: Counter[str] = Counter()
    failing = sorted(name for name in RECORDED if fails_aside(example_looks.found_on(name).evidence))
    started = [name for name in recordings_of("safe", "ask") if MODES[name].layer == "service" and name in MODES]

    @settings(thorough, max_examples=150)
    @given(st.sampled_from(failing), st.sampled_from(started), st.sampled_from(["down", "partly", "well"]), st.data())
    def holds(name: str, other: str, edge: str, data: st.DataObject) -> None:
        evidence = example_looks.with_causes_of(recorded(name), other)
        # What was tried stays what it was.
        evidence = {**evidence, **{part: recorded(name)[part] for part in example_looks.APP if part in recorded(name)}}
        found = diagnose(with_edge(evidence, edge, True), CATALOGUE)
        tries = [(cause.mode.remedy, cause.id) for cause in found.to_repair if cause.mode.remedy]
        failed = data.draw(st.lists(st.sampled_from(tries), unique=True, max_size=1) if tries else st.just([]))
        approved = data.draw(approvals_of(found))
        todo = plan.make(found, approved, failed)
        waiting = {item["id"] for item in todo.awaiting} | {cause for _remedy, cause in failed}
        below = [cause for cause in found.root_causes if LAYERS.index(cause.mode.layer) < LAYERS.index("service")]
        unrepaired = [cause.id for cause in below if cause.id in waiting]
        starting = [a for a in (*todo.actions, *todo.later) if "app" in remedies.get(a.remedy).starts]
        if fails_aside(found.evidence) and unrepaired:
            met["not started"] += 1
            met["not started, though approved"] += any(
                "app" in remedies.get(item["remedy"]).starts for item in todo.held_back
            )
            met["failed in this run"] += any(cause in unrepaired for _remedy, cause in failed)
            assert starting == [], unrepaired
        elif fails_aside(found.evidence):
            met["started after the repair"] += bool(starting)

    holds()
    require_met(met, "not started", "not started, though approved", "failed in this run", "started after the repair")


def test_all_that_is_not_done_waits_with_a_way_on() -> None:
    """Each cause is repaired, waits for its approval, or is for a person; and an approval that is offered suffices."""
    met: Counter[str] = Counter()

    @settings(thorough, max_examples=150)
    @given(broken(), st.data())
    def holds(evidence: dict[str, Any], data: st.DataObject) -> None:
        found = diagnose(evidence, CATALOGUE)
        todo = plan.make(found, data.draw(approvals_of(found)))
        handled = {cause for action in (*todo.actions, *todo.later) for cause in action.causes}
        handled |= {cause for item in todo.held_back for cause in item["for"]} | {item["id"] for item in todo.awaiting}
        assert {cause.id for cause in found.to_repair} <= handled
        # What no condition of its own for a repair holds for is for a person on this host.
        offered = {cause.id for cause in found.to_repair if cause.risk != "never"}
        assert offered <= set(APPROVABLE)
        for item in todo.awaiting:
            met["offered" if item["approve_with"] else "for a person"] += 1
            assert (item["approve_with"] is not None) == (item["id"] in offered)
            if item["approve_with"]:
                assert item["id"] not in {waiting["id"] for waiting in plan.make(found, [item["id"]]).awaiting}
        met["repaired"] += bool(todo.actions)
        met["held back"] += bool(todo.held_back)

    holds()
    require_met(met, "offered", "for a person", "repaired", "held back")


# What the look after the remedies shows: which causes, and which edge.
AFTERWARDS = [
    ("the same", "as before"),
    *(("the same", edge) for edge in ("down", "partly", "well")),
    *(("healthy", edge) for edge in ("well", "well", "partly", "down")),
    *(("another", edge) for edge in ("down", "well")),
]


@st.composite
def runs(draw: st.DrawFn) -> tuple[Any, Diagnosis]:
    """A record after one look and some remedies for what it found, and the look after them.

    That one shows the same causes, those of another host, or none, behind an edge of any kind.
    """
    # Two checks at least, the same ones at both looks.
    configured = draw(st.booleans())
    evidence = draw(broken("partly", configured=configured))
    evidence = with_edge(evidence, draw(st.sampled_from(["down", "partly", "well", "barred"])), configured)
    found = diagnose(evidence, CATALOGUE)
    healthy = sorted(name for name in RECORDED if not example_looks.found_on(name).to_repair)
    later, edge = draw(st.sampled_from(AFTERWARDS))
    if later == "the same":
        next_evidence = dict(evidence)
    else:
        next_evidence = recorded(draw(st.sampled_from(healthy if later == "healthy" else sorted(RECORDED))))
    if edge == "as before":
        after = diagnose(next_evidence, CATALOGUE)
    else:
        # The checks are the same ones, whatever they show.
        next_evidence["edge"] = {**evidence["edge"], "checks": [dict(check) for check in evidence["edge"]["checks"]]}
        after = diagnose(with_edge(next_evidence, edge, configured), CATALOGUE)
    record: Any = incident_record.new("host", "recover", "id")
    _take_in(record, found)
    exact = [mode.remedy for mode in MODES.values() if mode.remedy and remedies.get(mode.remedy).undo == "exact"]
    names = sorted({mode.remedy for mode in MODES.values() if mode.remedy})
    causes = [finding.id for finding in found.findings] or ["service/stopped"]
    for remedy in draw(st.lists(st.sampled_from(exact) | st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        reasons = draw(st.lists(st.sampled_from(causes), min_size=1, max_size=2, unique=True))
        changed, look = draw(st.sampled_from([True, True, False])), draw(st.sampled_from([1, 1, 0]))
        record["actions"].append(
            {"remedy": remedy, "for": reasons, "changed": changed, "ok": True, "look": look, "taken_back": False}
        )
    return record, after


def _take_in(record: Any, found: Diagnosis) -> None:
    """Take in a look, as a run does."""
    take_in(record, found, plan.make(found), [])


def _failed(checks: list[dict[str, Any]]) -> set[str]:
    return {check["name"] for check in checks if check["well"] is not True}


def test_what_is_taken_back_is_exact_and_was_in_vain() -> None:
    """Rule (b): all that was in vain and can be undone exactly; nothing that has helped, or that cannot."""
    met: Counter[str] = Counter()

    @settings(thorough, max_examples=150)
    @given(runs())
    def holds(run: tuple[Any, Diagnosis]) -> None:
        record, after = run
        before, now = _failed(record["edge"]["checks"]), _failed(after.evidence["edge"]["checks"])
        vain = setbacks.in_vain(record, after)
        ids = {finding.id for finding in after.findings}
        for done in record["actions"]:
            exact = (done["changed"], done["look"], remedies.get(done["remedy"]).undo) == (True, 1, "exact")
            worse, better = bool(now - before), bool(before - now)
            still = set(done["for"]) <= ids
            assert (done in vain) == (exact and (worse or (still and not better)))
            if exact:
                met["worse" if worse else "better" if better else "in vain" if still else "helped"] += 1
            else:
                met["not exact, or not of this look"] += worse or (still and not better)

    holds()
    require_met(met, "worse", "better", "in vain", "helped", "not exact, or not of this look")


def test_a_worse_edge_is_an_alarm() -> None:
    """Rules (b) and (e): never called recovered, and `again` is said of nothing that was not down."""
    met: Counter[str] = Counter()

    @settings(thorough, max_examples=500)
    @given(runs())
    def holds(run: tuple[Any, Diagnosis]) -> None:
        record, after = run
        was_failed = _failed(record["edge"]["checks"])
        _take_in(record, after)
        outcome, message = verdict.judge(record, check_mode=False)
        was, now = record["edge"]["before"]["well"], record["edge"]["after"]["well"]
        acted = any(action["changed"] for action in record["actions"])
        lost = _failed(record["edge"]["checks"]) - was_failed
        met[outcome] += 1
        if acted and ((was and not now) or lost):
            met["from well to down" if was else "a check was lost"] += 1
            assert outcome == "harmed"
        if outcome == "harmed":
            assert acted
            assert "rescue502 undo id" in message
        if outcome == "recovered":
            met["recovered, and was well" if was else "recovered from an outage"] += 1
            assert now
            assert ("again" in message) == (not was)
        else:
            assert "answers again" not in message

    holds()
    require_met(met, "from well to down", "a check was lost", "recovered from an outage", "harmed", "degraded")
    require_met(met, "recovered, and was well", least=1)
