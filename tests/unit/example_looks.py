"""Looks that are made on purpose from recorded ones: several causes on one host, and an edge that shows what is wanted.

Drawn at random from all recordings, the cases that a rule is about are hardly ever met.
"""

from __future__ import annotations

import copy
from collections import Counter
from functools import cache
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose
from hypothesis import strategies as st
from test_hostile import RECORDED

CATALOGUE = load()
MODES = CATALOGUE.modes
# What the edge answers, for each state that it can show.
STATUSES = {"well": 200, "refused": 503, "barred": 0, "down": 502}
EDGES = ("as recorded", *STATUSES, "partly", "failed")
# What a diagnosis derives `app` from.
APP = {"rehearsal", "shadow_start"}


def with_edge(evidence: dict[str, Any], how: str, configured: bool) -> dict[str, Any]:
    """Evidence whose edge shows something else. configured: whether the checks are the user's own.

    partly: the first check is answered as wanted, a further one is not.
    """
    edge = evidence.get("edge")
    if not isinstance(edge, dict) or "checks" not in edge:
        return evidence
    edge["configured"] = configured
    if how == "as recorded":
        return evidence
    if how == "failed":
        return {**evidence, "edge": {"failed": "no answer within 10 s"}}
    if how == "partly" and len(edge["checks"]) == 1:
        edge["checks"] = [edge["checks"][0], {**copy.deepcopy(edge["checks"][0]), "name": "another"}]
    status = STATUSES.get(how, STATUSES["down"])
    for number, check in enumerate(edge["checks"]):
        well = how == "well" or (how == "partly" and number == 0)
        wrong = "certificate: it has expired" if how == "barred" else "" if well else f"status {status}"
        answered = STATUSES["well"] if well else status
        check.update(status=answered, well=well, problem=wrong, error=wrong if not answered else "", loops=False)
    edge.update(well=how == "well", statuses=sorted({check["status"] for check in edge["checks"]}))
    if how == "refused":
        paths = {check["url"].split("/", 3)[3] for check in edge["checks"]}
        rule = {"status": status, "words": "return 503", "condition": "", "file": "/etc/nginx/nginx.conf"}
        refusals = [{**rule, "path": f"/{path}", "app_status": 0, "certain": True} for path in paths]
        return {**evidence, "proxy": {**evidence.get("proxy", {}), "refusals": refusals}}
    return evidence


@cache
def sections(cause: str) -> frozenset[str]:
    """The sections of the evidence that a failure mode's conditions read."""
    names = {name.partition(".")[0] for condition in MODES[cause].when for name in expressions.names(condition)}
    return frozenset(names - {"app", "edge"} | (APP if "app" in names else set()))


@cache
def found_on(name: str) -> Diagnosis:
    """The diagnosis of a recorded host."""
    return diagnose(copy.deepcopy(RECORDED[name]), CATALOGUE)


def recordings_of(*risks: str, lesser: bool = False) -> list[str]:
    """Recorded hosts with something of these risks to repair: an outage, or what takes no site down."""
    return sorted(
        name
        for name in RECORDED
        if any(cause.risk in risks and cause.is_outage != lesser for cause in found_on(name).to_repair)
    )


def with_causes_of(evidence: dict[str, Any], name: str) -> dict[str, Any]:
    """Evidence in which what causes trouble on another recorded host is found as well."""
    other = RECORDED[name]
    read = {section for cause in found_on(name).to_repair for section in sections(cause.id)}
    return {**evidence, **{section: copy.deepcopy(other[section]) for section in read if section in other}}


def recorded(name: str) -> dict[str, Any]:
    """What one recorded host shows; to be changed."""
    return copy.deepcopy(RECORDED[name])


@st.composite
def broken(draw: st.DrawFn, *edges: str, configured: bool | None = None) -> dict[str, Any]:
    """What a host shows that has one cause or several, some that take no site down, behind an edge of this kind."""
    repairable = recordings_of("safe", "ask")
    evidence = recorded(draw(st.sampled_from(repairable)))
    for name in draw(st.lists(st.sampled_from([*repairable, *recordings_of("never")]), max_size=1)):
        evidence = with_causes_of(evidence, name)
    for name in draw(st.lists(st.sampled_from(recordings_of("safe", "ask", lesser=True)), max_size=2)):
        evidence = with_causes_of(evidence, name)
    users = draw(st.booleans()) if configured is None else configured
    return with_edge(evidence, draw(st.sampled_from(edges or EDGES)), users)


def approvals_of(found: Diagnosis) -> st.SearchStrategy[list[str]]:
    """Approvals by id or by remedy of what was found; none, some, or all."""
    names = {name for cause in found.to_repair for name in (cause.id, cause.mode.remedy)}
    known = sorted(names & set(CATALOGUE.approvable()))
    return st.lists(st.sampled_from(known), unique=True, max_size=4) if known else st.just([])


def require_met(met: Counter[str], *cases: str, least: int = 3) -> None:
    """Each case of a rule occurred so many times at least: a property that meets nothing cannot fail."""
    assert {case: met[case] for case in cases if met[case] < least} == {}, met
