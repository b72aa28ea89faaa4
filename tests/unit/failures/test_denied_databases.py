"""What of SQLite's files is given back unasked, what waits for approval, and what is a person's."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose

from tools import recordings

DENIED = "database/file-denied"
CATALOGUE = load()


def found(change: dict[str, str], *, kept: bool = False, seen: bool = True) -> Diagnosis:
    """The recorded site, each of the files with this more; kept: left as it is; seen: by root, who can judge them."""
    evidence: dict[str, Any] = copy.deepcopy(recordings.evidence(DENIED))
    files = evidence["files"]
    assert files["violations"]["database"], "the fault"
    items = [{**item, **change} for item in files["violations"].pop("database")]
    files["not_own"].pop("database")
    if seen:
        files["violations"]["database"], files["not_own"]["database"] = ([], items) if kept else (items, [])
    return diagnose(evidence, CATALOGUE)


@pytest.mark.parametrize(
    ("change", "kept", "seen", "risk", "words"),
    [
        ({}, False, True, "safe", "refuses notes"),
        ({"doubt": "may be somebody else's"}, False, True, "ask", "which may be somebody else's"),
        (
            {"objection": "is open in process 7 of importer (x)"},
            True,
            True,
            "never",
            "is open in process 7 of importer",
        ),
        ({}, False, False, "never", "refuses notes"),
    ],
    ids=["the app's own", "in doubt", "open elsewhere", "not known"],
)
def test_who_decides(change: dict[str, str], kept: bool, seen: bool, risk: str, words: str) -> None:
    """What speaks against it stands in the sentence; the parts in doubt are given only where they are approved."""
    judged = found(change, kept=kept, seen=seen)
    (cause,) = judged.root_causes
    assert (cause.id, cause.risk) == (DENIED, risk)
    assert words in cause.because
    assert "(some evidence" not in cause.because + cause.by_hand
    unasked, approved = plan.make(judged).actions, plan.make(judged, [DENIED]).actions
    assert [action.remedy for action in unasked] == (["permissions", "restart"] if risk == "safe" else [])
    assert [action.remedy for action in approved] == ([] if risk == "never" else ["permissions", "restart"])
    if approved:
        assert approved[0].vars == {
            "rescue502_permissions_parts": ["database"],
            "rescue502_permissions_doubtful": ["database"] if risk == "ask" else [],
            "rescue502_databases": ["/srv/notes/db/site.sqlite3"],
        }
