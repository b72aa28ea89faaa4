"""An incident's record has one shape, and all that write or read one hold to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record, plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from ansible_collections.rescue502.django.plugins.plugin_utils.report.checklist import checklist
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident
from jinja2 import meta

from rescue502 import offline
from tools import recordings

# What users read: these keys stay.
PROMISED = {
    "schema", "incident", "host", "started", "finished", "seconds", "outcome", "edge", "root_causes", "findings",
    "actions", "awaiting", "evidence",
}  # fmt: skip
CATALOGUE = load()
FAULT = "database/stopped"


def breaches(value: Any, shape: Any, where: str = "record") -> list[str]:
    """Keys of a record and of what is in it that its shape does not name, and those that are missing."""
    hints = get_type_hints(shape)
    wanted = set(hints) - set(incident_record.WhileOpen.__annotations__)
    found = [f"{where}: {key}" for key in sorted(set(value) ^ wanted)]
    for key, hint in hints.items():
        (inner,) = getattr(hint, "__args__", None) or (None,) if str(hint).startswith("list[") else (None,)
        if hasattr(inner, "__required_keys__"):
            found += [line for item in value.get(key, []) for line in breaches(item, inner, key)]
    return found


def test_what_was_promised_is_there() -> None:
    """And a record that has seen nothing has all of it."""
    assert set(incident_record.new()) >= PROMISED
    assert breaches(incident_record.new(), incident_record.Record) == []


def test_a_written_record_has_this_shape(tmp_path: Path) -> None:
    """After a look, a remedy and the end of the run, as the file holds it."""
    record = Incident(tmp_path, "20260131T120000Z-ab12cd", "host", "recover")
    found = diagnose(recordings.evidence(FAULT), CATALOGUE)
    record.look(found, plan.make(found), checklist(found.evidence))
    record.act("start_database", [FAULT], changed=True, ok=True)
    record.give_up({"restart": 3}, 600)
    record.conclude("failed", "a test")
    written = json.loads(record.path.read_text(encoding="utf-8"))
    assert written["root_causes"]
    assert written["findings"]
    assert written["actions"]
    assert written["plan"]
    assert written["checklist"]
    assert breaches(written, incident_record.Record) == []


def test_a_diagnosis_offline_has_the_same_shape() -> None:
    """Its causes are summarised, like those of a run."""
    record = offline.diagnose(offline.Recorded("host", recordings.evidence(FAULT)), CATALOGUE)
    assert [cause["id"] for cause in record["root_causes"]] == [FAULT]
    assert breaches(record, incident_record.Record) == []


@pytest.mark.parametrize("name", [path.name for path in sorted(report.TEMPLATES.glob("*.j2"))])
def test_the_pages_name_what_is_there(name: str) -> None:
    """Each variable of a template is of the record, or derived from it in the report's view."""
    environment = report._environment()
    source = (report.TEMPLATES / name).read_text(encoding="utf-8")
    used = meta.find_undeclared_variables(environment.parse(source)) - {"page"}
    assert used
    assert used <= set(report._view(incident_record.new()))
