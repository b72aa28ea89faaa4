"""Causes together, red herrings and healthy hosts: exactly the true causes are named, and mended from the ground up."""

from __future__ import annotations

import re

import pytest

from lab.scenario import Scenario, load
from lab.site import Site, differences, named, outside


def cases(kind: str) -> pytest.MarkDecorator:
    """Parametrizes a test with the scenarios of a kind, each on a host of its shape."""
    found = load(kind)
    return pytest.mark.parametrize(
        ("site", "scenario"), [(s.shape, s) for s in found], indirect=["site"], ids=[s.id for s in found]
    )


@cases("together")
def test_causes_together(site: Site, scenario: Scenario) -> None:
    """The report lists exactly the root causes, and the remedies run from the ground up."""
    _recovers(site, scenario)


@cases("herrings")
def test_red_herrings(site: Site, scenario: Scenario) -> None:
    """What is true, loud and irrelevant is never named as a cause and never mended."""
    _recovers(site, scenario)


def _recovers(site: Site, scenario: Scenario) -> None:
    healthy, neighbour = site.host.snapshot(), site.neighbour()
    scenario.apply(site.host)
    broken = site.host.snapshot()
    _code, incident, output = site.play("diagnose")
    assert set(named(incident)) <= set(scenario.causes), output
    assert bool(named(incident)) == bool(scenario.causes), output
    assert differences(broken, site.host.snapshot()) == set(), "a diagnosis must change nothing"
    _code, incident, output = site.play("recover", rescue502_approve=scenario.approve)
    assert named(incident) == sorted(scenario.causes), output
    assert [action["remedy"] for action in incident["actions"]] == scenario.remedies, output
    assert incident["outcome"] == scenario.outcome, output
    changed = differences(broken, site.host.snapshot()) - differences(healthy, broken)
    assert outside(changed, scenario.remedies, site.shape) == set()
    assert site.neighbour() == neighbour
    if scenario.outcome in ("recovered", "healthy"):
        code, incident, output = site.play("recover")
        assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output
        assert re.search(r"changed=0\b", output), output


@cases("controls")
def test_healthy_hosts(site: Site, scenario: Scenario) -> None:
    """Nothing is found with all looks taken, nothing is changed, with careful settings and with the unit alone."""
    before = site.host.snapshot()
    for site.full in (True, False):
        code, incident, output = site.play("recover", rescue502_level="full")
        assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output
        assert re.search(r"changed=0\b", output), output
    assert differences(before, site.host.snapshot()) == set()
