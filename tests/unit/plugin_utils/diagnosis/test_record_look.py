"""Looks in an incident's record: what an earlier one called a cause, and a later one explains."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident

from tools import recordings

EFFECT, CAUSE = "code/does-not-load", "dependencies/missing"


@pytest.mark.parametrize(("treated", "expected"), [(False, [CAUSE]), (True, [EFFECT, CAUSE])])
def test_what_turns_out_to_be_an_effect_is_no_cause(tmp_path: Path, treated: bool, expected: list[str]) -> None:
    """Unless something was done for it: then it was one, and the record goes on saying so."""
    found = diagnose(recordings.evidence(CAUSE), load())
    (effect,) = [finding for finding in found.findings if finding.id == EFFECT]
    assert CAUSE in effect.explained_by
    incident = Incident(tmp_path, "20260131T120000Z-ab12cd", "shop", "recover")
    incident.data["root_causes"] = [effect.in_short()]
    if treated:
        incident.act("clean_pyc", [EFFECT], changed=True, ok=True)
    incident.look(found, plan.make(found), [])
    assert [cause["id"] for cause in incident.data["root_causes"]] == expected


@pytest.mark.parametrize(("remedies", "expected"), [(["permissions"], []), (["permissions", "restart"], [EFFECT])])
def test_what_the_last_start_said_is_no_cause_until_the_next(
    tmp_path: Path, remedies: list[str], expected: list[str]
) -> None:
    """Its cause is repaired, and the app is not started yet, for it waits for something else."""
    evidence = recordings.evidence(EFFECT)
    found = diagnose(evidence, load())
    assert EFFECT in [cause.id for cause in found.root_causes]
    incident = Incident(tmp_path, "20260131T120000Z-ab12cd", "shop", "recover")
    (own,) = [finding.public() for finding in found.findings if finding.id == EFFECT]
    incident.data["findings"] = [{**own, "explained_by": ["files/log-not-writable"]}]
    for remedy in remedies:
        incident.act(remedy, ["files/log-not-writable"], changed=True, ok=True)
    incident.look(found, plan.make(found), [])
    assert [cause["id"] for cause in incident.data["root_causes"]] == expected
