"""Diagnosis and plan, pure: what is approved, what is held back, and what is not known."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import APP_STEPS, Diagnosis, diagnose

from tools import recordings

CATALOGUE = load()


def causes(found: Diagnosis) -> list[str]:
    """Ids of the root causes."""
    return [finding.id for finding in found.root_causes]


def evidence(name: str) -> dict[str, Any]:
    """A recording that a test may change."""
    return copy.deepcopy(recordings.evidence(name))


def test_an_approval_approves_one_thing() -> None:
    """An approved cause is planned, another approval changes nothing."""
    found = diagnose(evidence("code/syntax-error"), CATALOGUE)
    assert [a.remedy for a in plan.make(found, ["code/syntax-error"]).actions] == ["rollback_code", "restart"]
    assert [a.remedy for a in plan.make(found, ["rollback_code"]).actions] == ["rollback_code", "restart"]
    assert plan.make(found, ["service/masked"]).actions == []
    assert plan.make(found).awaiting[0]["approve_with"] == "rescue502_approve=[code/syntax-error]"


def test_a_restart_is_held_back_over_a_broken_app() -> None:
    """The package is installed, but what still serves is not ended while the code below is broken."""
    broken = evidence("code/syntax-error")
    broken["database"] = evidence("database/stopped")["database"]
    todo = plan.make(diagnose(broken, CATALOGUE))
    assert [action.remedy for action in todo.actions] == ["start_database"]
    assert [item["remedy"] for item in todo.held_back] == ["restart"]


@pytest.mark.parametrize("missing", APP_STEPS)
def test_a_rehearsal_that_hung_does_not_say_that_the_app_serves(missing: str) -> None:
    """Where a step is missing, it is unknown; what came before it is still reported."""
    hung = evidence("healthy")
    del hung["rehearsal"]["steps"][missing]
    assert diagnose(hung, CATALOGUE).evidence["app"] == {"rehearsed": True}
    failed = evidence("code/syntax-error")
    del failed["rehearsal"]["steps"][missing]
    assert "serves" not in diagnose(failed, CATALOGUE).evidence["app"]


@pytest.mark.parametrize(
    "payload", ["; {run}", "$({run})", "`{run}`", "'; {run} #", '"; {run} #', "\n{run}\n", "& {run}", "a {run}"]
)
def test_commands_for_people_hold_no_text_of_the_host(payload: str, tmp_path: Path) -> None:
    """A file's name that would be a command, pasted with the others, is not run."""
    canary = tmp_path / "canary"
    damaged = evidence("files/code-unreadable")
    violation = damaged["files"]["violations"]["code"][0]
    violation["path"] = "/srv/app" + payload.format(run=f"/usr/bin/touch {canary}")
    violation["owner"] = violation["mode"] = violation["path"]
    (finding,) = diagnose(damaged, CATALOGUE).root_causes
    assert "/srv/app" in finding.by_hand
    # The payload names its program in full; the commands around it are not found.
    subprocess.run(["/bin/bash", "-c", finding.by_hand], env={"PATH": "/nonexistent"}, capture_output=True, check=False)
    assert not canary.exists()


def test_ordinary_names_stay_in_commands() -> None:
    """What a shell takes as it is, is not touched."""
    (finding,) = diagnose(evidence("files/code-unreadable"), CATALOGUE).root_causes
    assert "?" not in finding.by_hand
    assert "chown 0:33 /var/www/xamila/xamila_backend/xamila\n" in finding.by_hand


def test_a_tree_in_conflict_is_left_alone() -> None:
    """While a merge stands, nothing installs from that tree or migrates with it; once given up, the app is started."""
    stuck = evidence("dependencies/missing")
    stuck["database"] = evidence("database/stopped")["database"]
    stuck["code"]["git"].update(operation="merge", unmerged=["requirements.txt"], conflicts=["requirements.txt"])
    found = diagnose(stuck, CATALOGUE)
    waiting, approved = plan.make(found), plan.make(found, ["code/conflict-markers"])
    assert [action.remedy for action in waiting.actions] == ["start_database"]
    assert {item["remedy"] for item in waiting.held_back} == {"pip_install", "restart"}
    assert [action.remedy for action in approved.actions] == ["start_database", "abort_merge", "restart"]
    assert [item["remedy"] for item in approved.held_back] == ["pip_install"]
