"""The evidence's schema: its tables are sound, and a fact that is wrong, unknown or missing is reported."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import evidence_schema
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import prepare

from tools import recordings

SCHEMA = evidence_schema.load()
GIVEN = recordings.evidence("database/stopped")


def test_each_table_is_read() -> None:
    """None lies there unused."""
    tables = {path.stem for path in evidence_schema.FOLDER.glob("*.yml")}
    assert tables == {*evidence_schema.SECTIONS, "types"}


@pytest.mark.parametrize("name", evidence_schema.SECTIONS)
def test_each_fact_has_a_type_and_a_meaning(name: str) -> None:
    """And each stage a collector."""
    section = SCHEMA.sections[name]
    assert set(section.by) >= set(section.rows)
    assert all(row.type and row.means for rows in section.rows.values() for row in rows)


@pytest.mark.parametrize(("name", "shape"), recordings.pairs())
def test_what_the_diagnosis_derives_is_in_it_too(name: str, shape: str) -> None:
    """The conditions look at more than was recorded."""
    assert SCHEMA.problems(prepare(recordings.evidence(name, shape))) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("edge.well", "yes", "edge.well: str, and must be bool"),
        ("edge.well", None, "edge.well: null, and must be bool"),
        ("edge.checks", {}, "edge.checks: dict, and must be a list"),
        ("edge.statuses", [200, True], "edge.statuses[1]: bool, and must be int"),
        ("edge.new", 1, "edge.new: not in the schema"),
        ("nosuch", {}, "nosuch: not in the schema"),
        ("service.unit", [], "service.unit: list, and must be a record"),
        ("database.versions", {"default": 15}, "database.versions.default: int, and must be text"),
    ],
)
def test_what_is_wrong_is_reported(path: str, value: Any, said: str) -> None:
    """By its path, and what it must be."""
    assert SCHEMA.problems(_with(path, value)) == [said]


def test_what_is_missing_is_reported() -> None:
    """Unless it is listed as unread, is there only sometimes, or its collector failed."""
    evidence = copy.deepcopy(GIVEN)
    del evidence["service"]["listening"], evidence["code"], evidence["database"]["error"]
    evidence["log"] = {"failed": "no answer within 10 s"}
    evidence.pop("database_activity", None)
    evidence["probe"]["unread"] = [{"what": "the rehearsal", "why": "no", "facts": ["database.error"]}]
    assert SCHEMA.missing(evidence) == ["service.listening", "code"]
    assert SCHEMA.problems(evidence) == []


def test_a_quick_look_needs_no_deep_facts() -> None:
    """Its sections are those that a healthy host shows."""
    quick = {name: GIVEN[name] for name in ("stack", "edge", "service", "database", "environment", "files", "probe")}
    host = {name: GIVEN["host"][name] for name in ("file_systems", "full", "without_inodes", "read_only")}
    assert SCHEMA.missing({**quick, "host": host}) == []


def test_a_digest_is_of_what_is_always_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new fact of every look makes recordings stale; one that is seldom there does not."""
    before = SCHEMA.digest("edge")
    parts = SCHEMA.sections["edge"].fact.parts
    monkeypatch.setitem(parts, "seldom", evidence_schema.Fact("text", optional=True, stage="quick"))
    assert SCHEMA.digest("edge") == before
    monkeypatch.setitem(parts, "always", evidence_schema.Fact("text", stage="quick"))
    assert SCHEMA.digest("edge") != before


def _with(path: str, value: Any) -> dict[str, Any]:
    evidence = copy.deepcopy(GIVEN)
    *parents, name = path.split(".")
    holder = evidence
    for parent in parents:
        holder = holder[parent]
    holder[name] = value
    return evidence
