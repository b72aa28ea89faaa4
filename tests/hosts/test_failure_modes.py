"""Every failure mode proves itself on a real host: break it, name it, mend it, and touch nothing else.

The cases are made from the catalogue: a new file in failures/ is a new test.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import FailureMode, load
from conftest import Site

from rescue502 import offline

CATALOGUE = load()
MODES = list(CATALOGUE.modes.values())
# What a remedy may change besides what the fault had changed: its own business.
OWN = {
    "pip_install": r"/venv/",
    "rebuild_venv": r"/venv(\.rescue502-old-\w+)?(/|$)",
    "rollback_code": r"/\.git/",
    "collectstatic": r"/staticfiles(/|$)",
}


def differences(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """Paths, tables and units that differ between two snapshots."""
    found = set()
    for kind in ("files", "tables", "enabled"):
        before, after = old[kind], new[kind]
        if before is None or after is None:
            # PostgreSQL is down in one of them: its rows are compared when it is up again.
            continue
        found |= {f"{kind}:{name}" for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return found


def named(incident: dict[str, Any]) -> list[str]:
    """Ids of the root causes."""
    return sorted(cause["id"] for cause in incident["root_causes"])


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.id)
def test_failure_mode(site: Site, mode: FailureMode) -> None:
    """The right cause is named read-only, mended where it may be, and nothing else is touched."""
    healthy = site.host.snapshot()
    site.host.break_with(mode.id)
    broken = site.host.snapshot()
    edge_was_well = _diagnosed(site, mode, broken)
    if mode.symptom or mode.risk == "never":
        _left_alone(site, mode, broken, edge_was_well)
        return
    approval = {"rescue502_approve": [mode.id]} if mode.risk == "ask" else {}
    if approval:
        _code, incident, output = site.play("recover")
        assert incident["outcome"] == ("degraded" if edge_was_well else "needs-approval"), output
        assert [item["approve_with"] for item in incident["awaiting"]] == [f"rescue502_approve=[{mode.id}]"]
        assert differences(broken, site.host.snapshot()) == set()
    _mended(site, mode, approval)
    _touched_nothing_else(site, mode, healthy, broken)


def _diagnosed(site: Site, mode: FailureMode, broken: dict[str, Any]) -> bool:
    """The diagnosis names the cause and changes nothing; whether the edge was well all the same."""
    code, incident, output = site.play("diagnose")
    if mode.symptom:
        assert mode.id in [finding["id"] for finding in incident["findings"]], output
        assert mode.id not in named(incident), output
    else:
        assert named(incident) == [mode.id], output
    assert _findings(offline.diagnose(offline.Recorded("", incident["evidence"]), CATALOGUE)) == _findings(incident)
    assert differences(broken, site.host.snapshot()) == set(), "a diagnosis must change nothing"
    edge_was_well = bool(incident["edge"]["before"]["well"])
    assert (code == 0) == edge_was_well, output
    return edge_was_well


def _findings(incident: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What was found, why, and what explains it."""
    return [(finding["id"], finding["because"], finding["explained_by"]) for finding in incident["findings"]]


def _left_alone(site: Site, mode: FailureMode, broken: dict[str, Any], edge_was_well: bool) -> None:
    """What only a person can mend is explained, with commands, and not touched."""
    if mode.symptom:
        return
    _code, incident, output = site.play("recover")
    assert incident["outcome"] == ("degraded" if edge_was_well else "needs-human"), output
    assert [(item["id"], item["approve_with"]) for item in incident["awaiting"]] == [(mode.id, None)]
    assert incident["awaiting"][0]["by_hand"]
    assert incident["actions"] == [], output
    assert differences(broken, site.host.snapshot()) == set()


def _mended(site: Site, mode: FailureMode, approval: dict[str, Any]) -> None:
    """The site answers again, CORS included, and the second run finds nothing to do."""
    code, incident, output = site.play("recover", **approval)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert named(incident) == [mode.id], output
    assert any(action["changed"] for action in incident["actions"]), output
    status, headers, body = site.host.ask("/api/sgis/")
    assert status == 200, body
    assert headers.get("access-control-allow-origin") == "https://xamila.example"
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output
    assert re.search(r"changed=0\b", output), output


def _touched_nothing_else(site: Site, mode: FailureMode, healthy: dict[str, Any], broken: dict[str, Any]) -> None:
    """What the remedy changed is what the fault had changed, or its own business; no row is lost."""
    end = site.host.snapshot()
    by_fault = differences(healthy, broken)
    by_remedy = differences(broken, end) - by_fault
    own = OWN.get(mode.remedy)
    assert {item for item in by_remedy if not own or not re.search(own, item)} == set()
    assert {item for item in differences(healthy, end) - by_fault if item.startswith("tables:")} == set()
