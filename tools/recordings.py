"""Evidence that lab hosts gave, one file for each failure mode; tools/record_evidence.py writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis

FOLDER = Path(__file__).parents[1] / "tests" / "unit" / "evidence"
HEALTHY = "healthy"


def names() -> list[str]:
    """What was recorded: ids of failure modes, and a healthy host."""
    return sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.json"))


def evidence(name: str) -> dict[str, Any]:
    """One recording."""
    recorded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return recorded


def is_told(mode: FailureMode, found: Diagnosis) -> bool:
    """Whether the mode alone is named: as the root cause where it takes the site down, else as what was also found.

    A symptom must be told, and must not be named.
    """
    named = [finding.id for finding in found.to_repair]
    if mode.symptom:
        return mode.id not in named and mode.id in [finding.id for finding in found.findings]
    return named == [mode.id] and bool(found.root_causes) == (mode.severity == "outage")
