"""Evidence that lab hosts gave, `evidence/<failure mode>/<shape>.json.gz`: read, written, and asked if it is fresh.

tools/record_evidence.py writes them, and so do the host tests with RESCUE502_RECORD=1.
"""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import evidence_schema
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis

from lab.shape import DEFAULT

FOLDER = Path(__file__).parents[1] / "tests" / "evidence"
HEALTHY = "healthy"
SUFFIX = ".json.gz"
# Logs repeat themselves: of each, the last lines are kept.
LOGS = (("log", "lines"), ("log", "errors"), ("proxy", "errors"))
LINES = 12
# What the diagnosis derives is derived again.
DERIVED = (("database", "text"), ("probe", "clock_ahead"))


def pairs() -> list[tuple[str, str]]:
    """The recordings: (id of a failure mode or HEALTHY, shape of the host)."""
    paths = sorted(FOLDER.rglob(f"*{SUFFIX}"))
    return [(str(path.parent.relative_to(FOLDER)), path.name.removesuffix(SUFFIX)) for path in paths]


def names() -> list[str]:
    """Ids of the failure modes that were recorded, and HEALTHY."""
    return sorted({name for name, _shape in pairs()})


def evidence(name: str, shape: str = "") -> dict[str, Any]:
    """A recording's evidence. shape: the usual one, else the first that was recorded, where it is empty."""
    recorded: dict[str, Any] = json.loads(text(name, shape))["evidence"]
    return recorded


@cache
def text(name: str, shape: str = "") -> str:
    """A whole recording, as it stands in its file."""
    recorded = [shape] if shape else [other for given, other in pairs() if given == name]
    if not recorded:
        raise FileNotFoundError(f"no recording of {name}: make record ONLY={name}")
    first = DEFAULT if DEFAULT in recorded else recorded[0]
    return gzip.decompress((FOLDER / name / f"{first}{SUFFIX}").read_bytes()).decode("utf-8")


def plain(name: str, folder: Path) -> Path:
    """A recording's evidence as the JSON file that `rescue502 diagnose --evidence` takes, written into a folder."""
    path = folder / f"{name.replace('/', '-')}.json"
    path.write_text(json.dumps(evidence(name)), encoding="utf-8")
    return path


def write(name: str, shape: str, given: dict[str, Any]) -> Path:
    """Keep evidence, with the digests of the schema that it was collected under."""
    schema = evidence_schema.load()
    kept = slim(given)
    whole = {"schema": {section: schema.digest(section) for section in schema.sections}, "evidence": kept}
    path = FOLDER / name / f"{shape}{SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The same evidence is the same file: no time in it.
    content = gzip.compress(json.dumps(whole, sort_keys=True, ensure_ascii=False).encode("utf-8"), mtime=0)
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)
    return path


def keep(mode: FailureMode, shape: str, given: dict[str, Any]) -> None:
    """Write what a host test has seen, where RESCUE502_RECORD asks for it and the host was looked at deeply.

    AssertionError where it does not keep to the evidence's schema, asked for or not.
    """
    if broken := breaches(given):
        raise AssertionError("; ".join(broken))
    if os.environ.get("RESCUE502_RECORD") and "rehearsal" in given:
        write(mode.id, shape, given)


def slim(given: dict[str, Any]) -> dict[str, Any]:
    """Evidence without what is derived, without the host's name, and with the ends of its logs only."""
    kept = {name: dict(part) for name, part in given.items() if isinstance(part, dict) and name != "app"}
    for section, name in DERIVED:
        kept.get(section, {}).pop(name, None)
    for section, name in LOGS:
        if name in kept.get(section, {}):
            kept[section][name] = kept[section][name][-LINES:]
    if "host" in kept:
        kept["host"]["name"] = "host"
    return kept


def stale(name: str, shape: str) -> list[str]:
    """Why a recording no longer shows what a host would give today; empty of a fresh one."""
    whole = json.loads(text(name, shape))
    schema, given = evidence_schema.load(), whole["evidence"]
    changed = [
        f"{section}: its facts have changed since"
        for section in schema.sections
        if section in given and whole["schema"].get(section) != schema.digest(section)
    ]
    return [*changed, *breaches(given)]


def breaches(given: dict[str, Any]) -> list[str]:
    """Where evidence does not keep to its schema: facts that are missing, unknown, or of another type."""
    schema = evidence_schema.load()
    lacking = [f"{fact}: not there, and always collected" for fact in dict.fromkeys(schema.missing(given))]
    return [*lacking, *schema.problems(given)]


def is_reported(mode: FailureMode, found: Diagnosis) -> bool:
    """Whether the mode alone is named: as the root cause where it takes the site down, else as what was also found.

    A symptom must be reported, and must not be named.
    """
    named = [finding.id for finding in found.to_repair]
    if mode.symptom:
        return mode.id not in named and mode.id in [finding.id for finding in found.findings]
    return named == [mode.id] and bool(found.root_causes) == (mode.severity == "outage")
