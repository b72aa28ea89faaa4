"""Causes together, red herrings, healthy hosts: exactly the true causes are named, and repaired from the ground up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue, remedies
from tiers import marks
from undoing import ONLY_TIME_CHANGES, is_exact, reported

from lab.scenario import Scenario, load
from lab.site import Site, also_found, differences, named, outside

MODES = catalogue.load().modes


def cases(kind: str) -> pytest.MarkDecorator:
    """Parametrizes a test with the scenarios of a kind, each on a host of its shape."""
    found = [pytest.param(s.shape, s, id=s.id, marks=marks(not s.nightly)) for s in load(kind)]
    return pytest.mark.parametrize(("site", "scenario"), found, indirect=["site"])


@cases("together")
def test_causes_together(site: Site, scenario: Scenario) -> None:
    """Exactly the root causes are named, the remedies run from the ground up, and what they changed is taken back.

    Together, those of each change run every remedy once.
    """
    healthy, neighbour = site.host.snapshot(), site.neighbour()
    scenario.apply(site.host)
    broken = site.host.snapshot()
    if scenario.nightly or scenario.approve:
        # What nobody has approved is named, and nothing is done.
        _named_read_only(site, scenario, broken)
    incident = _recovered(site, scenario, healthy, broken)
    if any(map(is_exact, scenario.remedies)):
        _taken_back(site, scenario, incident, healthy, broken)
    assert site.neighbour() == neighbour


@cases("herrings")
def test_red_herrings(site: Site, scenario: Scenario) -> None:
    """What is true, loud and irrelevant is never named as a cause and never repaired."""
    healthy, neighbour = site.host.snapshot(), site.neighbour()
    scenario.apply(site.host)
    broken = site.host.snapshot()
    _named_read_only(site, scenario, broken)
    _recovered(site, scenario, healthy, broken)
    assert site.neighbour() == neighbour


def _named_read_only(site: Site, scenario: Scenario, broken: dict[str, Any]) -> None:
    """A diagnosis names none but true causes, and changes nothing."""
    _code, incident, output = site.play("diagnose")
    assert set(named(incident)) <= set(scenario.causes), output
    assert bool(named(incident)) == bool(scenario.causes), output
    assert differences(broken, site.host.snapshot()) == set(), "a diagnosis must change nothing"


def _recovered(site: Site, scenario: Scenario, healthy: dict[str, Any], broken: dict[str, Any]) -> dict[str, Any]:
    """One run comes to the outcome with these remedies, touches nothing else, and the second one changes nothing."""
    _code, incident, output = site.play("recover", rescue502_approve=scenario.approve)
    assert named(incident) == sorted(scenario.causes), output
    assert also_found(incident) == sorted(name for name in scenario.causes if MODES[name].severity != "outage"), output
    assert [action["remedy"] for action in incident["actions"]] == scenario.remedies, output
    assert incident["outcome"] == scenario.outcome, output
    changed = differences(broken, site.host.snapshot()) - differences(healthy, broken)
    assert outside(changed, scenario.remedies, site.shape) == set()
    if scenario.outcome in ("recovered", "healthy"):
        status, headers, body = site.host.ask(site.shape.api_path)
        assert (status, headers.get("access-control-allow-origin")) == (200, site.shape.origin), body
        code, again, output = site.play("recover")
        assert (code, again["outcome"], again["actions"]) == (0, "healthy", []), output
        assert re.search(r"changed=0\b", output), output
    return incident


def _taken_back(
    site: Site, scenario: Scenario, incident: dict[str, Any], healthy: dict[str, Any], broken: dict[str, Any]
) -> None:
    """Undo leaves the host as it was when broken, but for what only a person can take back."""
    code, _incident, output = site.play("undo", rescue502_undo=incident["incident"])
    in_use = any(remedies.get(remedy).undo == "until_used" for remedy in scenario.remedies)
    assert (code, reported(output)[1] > 0) == ((2, True) if in_use else (0, False)), output
    assert reported(output)[0] > 0
    left_over = differences(broken, site.host.snapshot())
    others = [remedy for remedy in scenario.remedies if not is_exact(remedy)]
    left_over = {item for item in left_over if not re.search(ONLY_TIME_CHANGES, item)}
    # Rows that a migration has written stay: only a person reverses it.
    rows = {item for item in differences(healthy, broken) if item.startswith("tables:")}
    kept = rows if any(remedies.get(remedy).undo == "irreversible" for remedy in others) else set()
    assert outside(left_over - kept, others, site.shape) == set(), output


@cases("controls")
def test_healthy_hosts(site: Site, scenario: Scenario) -> None:
    """Nothing is found with all looks taken, nothing is changed, with careful settings and with the unit alone."""
    scenario.apply(site.host)
    before = site.host.snapshot()
    for site.full in (True, False):
        code, incident, output = site.play("recover", rescue502_level="full")
        assert (code, incident["outcome"], incident["findings"]) == (0, scenario.outcome, []), output
        assert re.search(r"changed=0\b", output), output
    assert differences(before, site.host.snapshot()) == set()
