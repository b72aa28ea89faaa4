"""Diagnosis and plan, pure: on recorded evidence, on evidence with pieces missing, on hostile text."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.checklist import checklist
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import Diagnosis, diagnose
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RECORDED = Path(__file__).parent / "evidence"
CATALOGUE = load()
HOSTILE = [
    "{{ lookup('pipe', 'touch /tmp/owned') }}",
    "{% for x in range(10**9) %}{% endfor %}",
    "\x1b]0;owned\x07",
    "<b>",
]


def evidence(name: str) -> dict[str, Any]:
    """Evidence as a lab host gave it."""
    recorded: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return recorded


def causes(found: Diagnosis) -> list[str]:
    """Ids of the root causes."""
    return [finding.id for finding in found.root_causes]


@pytest.mark.parametrize(
    ("name", "expected", "remedies"),
    [
        ("healthy", [], []),
        (
            "database-and-dependency",
            ["database/stopped", "dependencies/missing"],
            ["start_database", "pip_install", "restart"],
        ),
        ("syntax-error", ["code/syntax-error"], []),
    ],
)
def test_recorded_evidence(name: str, expected: list[str], remedies: list[str]) -> None:
    """The same findings as on the host, and the remedies from the ground up."""
    found = diagnose(evidence(name), CATALOGUE)
    assert causes(found) == expected
    assert [action.remedy for action in plan.make(found).actions] == remedies


def test_an_approval_approves_one_thing() -> None:
    """An approved cause is planned, another approval changes nothing."""
    found = diagnose(evidence("syntax-error"), CATALOGUE)
    assert [a.remedy for a in plan.make(found, ["code/syntax-error"]).actions] == ["rollback_code", "restart"]
    assert plan.make(found, ["service/masked"]).actions == []
    assert plan.make(found).awaiting[0]["approve_with"] == "rescue502_approve=[code/syntax-error]"


@pytest.mark.parametrize("name", ["healthy", "database-and-dependency", "syntax-error"])
def test_missing_sections_name_nothing_new(name: str) -> None:
    """With a section gone or failed, fewer causes may be named, but never another one."""
    whole = set(causes(diagnose(evidence(name), CATALOGUE)))
    for section in evidence(name):
        for replacement in (None, {"failed": "no answer"}, {}, [], "text"):
            damaged = copy.deepcopy(evidence(name))
            damaged[section] = replacement
            found = diagnose(damaged, CATALOGUE)
            checklist(found.evidence)
            assert {f.id for f in found.findings if not f.explained_by and not f.mode.symptom} <= whole | {
                f.id for f in diagnose(evidence(name), CATALOGUE).findings
            }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(HOSTILE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


# The machine may be busy with hosts meanwhile, so slow is no failure; the same examples each time, so a pass stays one.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200, derandomize=True)
@given(st.dictionaries(st.sampled_from(sorted(evidence("syntax-error"))), json_values))
def test_any_evidence_is_survived(damage: dict[str, Any]) -> None:
    """Whatever a host sends, the diagnosis ends, and what it says holds no escape and no rendered template."""
    found = diagnose({**evidence("syntax-error"), **damage}, CATALOGUE)
    plan.make(found)
    text = json.dumps([finding.public() for finding in found.findings] + checklist(found.evidence))
    assert "\\u001b" not in text


def test_host_text_is_not_a_template() -> None:
    """Text from the host that looks like Jinja stays what it is."""
    hostile = evidence("syntax-error")
    hostile["rehearsal"]["steps"]["checks"]["error"]["message"] = HOSTILE[0] + HOSTILE[2]
    (finding,) = diagnose(hostile, CATALOGUE).root_causes
    assert "lookup('pipe'" in finding.because
    assert "\x1b" not in finding.because


def test_a_tree_in_conflict_is_left_alone() -> None:
    """While a merge stands, nothing installs from that tree or migrates with it; once given up, the app is started."""
    stuck = evidence("database-and-dependency")
    stuck["code"]["git"].update(operation="merge", unmerged=["requirements.txt"], conflicts=["requirements.txt"])
    found = diagnose(stuck, CATALOGUE)
    waiting, approved = plan.make(found), plan.make(found, ["code/conflict-markers"])
    assert [action.remedy for action in waiting.actions] == ["start_database"]
    assert {item["remedy"] for item in waiting.held_back} == {"pip_install", "restart"}
    assert [action.remedy for action in approved.actions] == ["start_database", "abort_merge", "restart"]
    assert [item["remedy"] for item in approved.held_back] == ["pip_install"]
