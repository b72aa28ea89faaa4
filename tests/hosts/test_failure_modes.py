"""Every failure mode proves itself on real hosts: break it, name it, repair it, and touch nothing else.

The cases are made from the catalogue: a new file in failures/ is a new test, on the shapes that matrix.py picks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode, load
from undoing import is_exact, taken_back

from lab.matrix import Pair, elsewhere, usual
from lab.shape import DEFAULT
from lab.site import Site, also_found, differences, named, outside, settings_for, to_approve
from rescue502 import offline
from tools import recordings

CATALOGUE = load()
# Modes that are the first of those with their remedy, on the default shape of host where one of them suits it.
_PREFERRED = sorted(usual(), key=lambda pair: pair[0] != DEFAULT)
FIRST_OF_REMEDY = {mode.id for mode in {mode.remedy: mode for _shape, mode in reversed(_PREFERRED)}.values()}


def on(pairs: list[Pair]) -> pytest.MarkDecorator:
    """Parametrizes a test with failure modes, each on a host of a shape."""
    return pytest.mark.parametrize(
        ("site", "mode"), pairs, indirect=["site"], ids=lambda item: getattr(item, "id", item)
    )


@pytest.mark.nightly
@on(usual())
def test_failure_mode(site: Site, mode: FailureMode) -> None:
    """The right cause is named, repaired where it may be, nothing else is touched, and it can be taken back.

    Of the modes with one remedy, the first one shows what is the remedy's own: that a second run changes nothing, and
    that it is taken back.
    """
    _proved(site, mode, first=mode.id in FIRST_OF_REMEDY)


@pytest.mark.nightly
@on(elsewhere())
def test_failure_mode_elsewhere(site: Site, mode: FailureMode) -> None:
    """A host of another shape: the same cause is named, repaired where it may be, and nothing else is touched."""
    _proved(site, mode, first=False)


def _proved(site: Site, mode: FailureMode, first: bool) -> None:
    """One failure mode on one host; first: with what is the remedy's own too."""
    with _broken(site, mode) as (healthy, broken):
        if mode.symptom or mode.risk == "never":
            _named_and_left_alone(site, mode, broken)
            return
        # A host that is broken in the mode's own way meets what makes it safe, where anything does.
        if to_approve(mode) and first:
            _waits_for_approval(site, mode, broken)
        incident = _repaired(site, mode)
        if first:
            _second_run_changes_nothing(site)
        _touched_nothing_else(site, mode, healthy, broken)
        if first and is_exact(mode.remedy):
            taken_back(site, incident, broken)


@contextmanager
def _broken(site: Site, mode: FailureMode) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """A host with this fault: its state before and after; the other app is the same at the end."""
    site.extra = settings_for(mode.id, site.shape)
    healthy, neighbour = site.host.snapshot(), site.neighbour()
    site.host.break_with(mode.id)
    yield healthy, site.host.snapshot()
    assert site.neighbour() == neighbour


def _named_and_left_alone(site: Site, mode: FailureMode, broken: dict[str, Any]) -> None:
    """One run names what only a person can repair, with commands, and changes nothing."""
    _code, incident, output = site.play("recover")
    recordings.keep(mode, site.shape.name, incident["evidence"])
    assert _findings(offline.diagnose(offline.Recorded("", incident["evidence"]), CATALOGUE)) == _findings(incident)
    if mode.symptom:
        assert mode.id in [finding["id"] for finding in incident["findings"]], output
        assert mode.id not in named(incident), output
        return
    assert named(incident) == [mode.id], output
    assert also_found(incident) == ([] if mode.severity == "outage" else [mode.id]), output
    assert incident["outcome"] == ("degraded" if incident["edge"]["before"]["well"] else "needs-human"), output
    assert [(item["id"], item["approve_with"]) for item in incident["awaiting"]] == [(mode.id, None)]
    assert incident["awaiting"][0]["by_hand"]
    assert incident["actions"] == [], output
    assert differences(broken, site.host.snapshot()) == set()


def _waits_for_approval(site: Site, mode: FailureMode, broken: dict[str, Any]) -> None:
    """Unasked nothing is done, and the report says what to approve it with."""
    _code, incident, output = site.play("recover")
    assert incident["outcome"] == ("degraded" if incident["edge"]["before"]["well"] else "needs-approval"), output
    assert [item["approve_with"] for item in incident["awaiting"]] == [f"rescue502_approve=[{mode.id}]"]
    assert differences(broken, site.host.snapshot()) == set()


def _findings(incident: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What was found, why, and what explains it."""
    return [(finding["id"], finding["because"], finding["explained_by"]) for finding in incident["findings"]]


def _repaired(site: Site, mode: FailureMode) -> str:
    """The site answers again, CORS included. The incident's id."""
    code, incident, output = site.play("recover", rescue502_approve=to_approve(mode))
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert named(incident) == [mode.id], output
    assert also_found(incident) == ([] if mode.severity == "outage" else [mode.id]), output
    assert any(action["changed"] for action in incident["actions"]), output
    recordings.keep(mode, site.shape.name, incident["evidence"])
    assert not is_exact(mode.remedy) or f"rescue502 undo {incident['incident']}" in output
    status, headers, body = site.host.ask(site.shape.api_path)
    assert status == 200, body
    assert headers.get("access-control-allow-origin") == site.shape.origin
    return str(incident["incident"])


def _second_run_changes_nothing(site: Site) -> None:
    """There is nothing left to do."""
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output
    assert re.search(r"changed=0\b", output), output


def _touched_nothing_else(site: Site, mode: FailureMode, healthy: dict[str, Any], broken: dict[str, Any]) -> None:
    """What the remedy changed is what the fault had changed, or its own business; no row is lost."""
    end = site.host.snapshot()
    by_fault = differences(healthy, broken)
    by_remedy = differences(broken, end) - by_fault
    assert outside(by_remedy, [mode.remedy, *mode.then], site.shape) == set()
    lost = {item for item in differences(healthy, end) - by_fault if item.startswith("tables:")}
    assert outside(lost, [mode.remedy], site.shape) == set()
