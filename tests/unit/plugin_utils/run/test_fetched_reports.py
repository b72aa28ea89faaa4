"""Reports that hosts have kept: taken in as what they are, whatever a host makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.run.fetched_reports import save
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import RecordError

ID = "20260131T120000Z-ab12cd"


def test_a_report_is_as_the_run_would_have_left_it(tmp_path: Path) -> None:
    """Record and pages, by the host's name in the inventory; what is there already stays."""
    record: Any = incident_record.new("calls-itself", "recover", ID) | {"outcome": "recovered", "message": "200"}
    path = save(tmp_path, "web1", record)
    assert path == tmp_path / ID / "web1.json"
    assert json.loads(path.read_text(encoding="utf-8"))["host"] == "web1"
    assert "recovered" in path.with_suffix(".md").read_text(encoding="utf-8").lower()
    save(tmp_path, "web1", record | {"outcome": "healthy"})
    assert json.loads(path.read_text(encoding="utf-8"))["outcome"] == "recovered"


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        {"incident": "../../etc"},
        {"incident": ID + "/x"},
        {"incident": ID, "edge": []},
        {"incident": ID, "actions": {"a": 1}},
        {"incident": ID, "findings": "abc", "root_causes": 3},
    ],
)
def test_what_is_not_a_record_is_refused(found: Any, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    with pytest.raises(RecordError, match="not a valid incident record"):
        save(tmp_path, "web1", found)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """In the place of the incident's folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / ID).symlink_to(outside)
    with pytest.raises(RecordError, match="is a link"):
        save(tmp_path, "web1", incident_record.new("web1", "recover", ID))
    assert list(outside.iterdir()) == []
