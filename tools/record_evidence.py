"""Record the evidence of failure modes on lab hosts: `make record`, or `make record ONLY=database/stopped`.

A host is booted and broken for each, and its evidence is kept only where the diagnosis names that mode and no other.
What is kept is what left the host: redacted there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import Catalogue, FailureMode, load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

import lab
from lab import shape as shapes
from lab.matrix import suitable
from lab.podman import LabError
from lab.site import Site, settings_for
from tools import recordings

ROOT = Path(__file__).parents[1]

AT_ONCE = 3
# Logs repeat themselves: of each, the last lines are kept.
LOGS = (("log", "lines"), ("log", "errors"), ("proxy", "errors"))
LINES = 12
# What the diagnosis derives is derived again.
DERIVED = "app"


def slim(evidence: dict[str, Any]) -> dict[str, Any]:
    """The evidence without what is derived, and with the ends of its logs only."""
    kept = {name: part for name, part in evidence.items() if name != DERIVED}
    for section, name in LOGS:
        if section in kept:
            kept[section] = {**kept[section], name: kept[section][name][-LINES:]}
    if "host" in kept:
        kept["host"] = {**kept["host"], "name": "host"}
    return kept


def text(evidence: dict[str, Any]) -> str:
    """Compact JSON, a section a line, so that a change of it can be read."""
    sections = [
        json.dumps(name) + ":" + json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        for name, part in sorted(evidence.items())
    ]
    return "{" + ",\n".join(sections) + "}\n"


def look(name: str, shape: str, fault: str) -> dict[str, Any]:
    """The evidence of a fresh host, broken in the way of a failure mode, or left healthy."""
    host = lab.Host(f"{os.environ.get('RESCUE502_TEST_HOST', 'record')}-{name}", shape)
    try:
        host.up()
        if fault:
            host.break_with(fault)
        with tempfile.TemporaryDirectory() as folder:
            _code, incident, output = Site(host, Path(folder), extra=settings_for(fault, host.shape)).play(
                "diagnose", rescue502_level="full"
            )
    finally:
        host.down()
    if not incident:
        raise RuntimeError(output)
    return dict(incident["evidence"])


def record(mode: FailureMode, known: Catalogue) -> str:
    """Record one mode; what came of it, in a line."""
    try:
        evidence = slim(look(mode.id.replace("/", "-"), suitable(mode)[0], mode.id))
    except (LabError, RuntimeError) as error:
        return f"FAILED {mode.id}: {error}"
    found = diagnose(evidence, known)
    if not recordings.is_told(mode, found):
        return f"FAILED {mode.id}: the diagnosis names {[finding.id for finding in found.to_repair]}"
    path = recordings.FOLDER / f"{mode.id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(evidence), encoding="utf-8")
    return f"{mode.id}: {path.stat().st_size} bytes"


def main(only: list[str]) -> int:
    """Record those that were asked for, or all of them and a healthy host."""
    known = load()
    if unknown := [name for name in only if name not in known.modes]:
        print(f"no failure mode {', '.join(unknown)}")
        return 1
    modes = [known.modes[name] for name in only] if only else list(known.modes.values())
    if not only:
        (recordings.FOLDER / f"{recordings.HEALTHY}.json").write_text(
            text(slim(look("healthy", shapes.DEFAULT, ""))), encoding="utf-8"
        )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lines = []
        for line in pool.map(lambda mode: record(mode, known), modes):
            print(line, flush=True)
            lines.append(line)
    return int(any(line.startswith("FAILED") for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
