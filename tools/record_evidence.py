"""Record the evidence of failure modes on lab hosts: `make record`, or `make record ONLY=database/stopped`.

`ONLY=stale` records those that are missing or stale, so that a run which was ended early goes on where it stopped;
`JOBS=2` has two hosts at a time. A host is booted and broken for each, and its evidence is kept only where the
diagnosis names that mode and no other. What is kept is what left the host: redacted there.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import Catalogue, load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

import lab
from lab import shape as shapes
from lab.matrix import suitable
from lab.podman import LabError
from lab.site import Site, settings_for
from tools import recordings

AT_ONCE = int(os.environ.get("JOBS", "3"))
STALE = "stale"
# A unit that crashes again and again has settled once systemd gives it up: what is recorded is not a passing moment.
STEADY = """
state() { systemctl show -P ActiveState -P NRestarts -P MainPID "$UNIT" | tr '\\n' ' '; }
before=""
for second in $(seq 45); do
  now=$(state)
  if test "$now" = "$before"; then same=$((same + 1)); else same=0; fi
  if test "$same" -ge 3; then break; fi
  before=$now
  sleep 1
done
"""


def look(name: str, shape: str, fault: str) -> dict[str, Any]:
    """The evidence of a fresh host, broken in the way of a failure mode, or left healthy."""
    host = lab.Host(f"{os.environ.get('RESCUE502_TEST_HOST', 'record')}-{name}", shape)
    try:
        host.up()
        if fault:
            host.break_with(fault)
            host.run(STEADY, check=False)
        with tempfile.TemporaryDirectory() as folder:
            _code, incident, output = Site(host, Path(folder), extra=settings_for(fault, host.shape)).play(
                "diagnose", rescue502_level="full"
            )
    finally:
        host.down()
    if not incident:
        raise RuntimeError(output)
    return dict(incident["evidence"])


def record(name: str, known: Catalogue) -> str:
    """Record a failure mode, or a healthy host; what came of it, in a line."""
    mode = known.modes.get(name)
    shape = suitable(mode)[0] if mode else shapes.DEFAULT
    try:
        evidence = look(name.replace("/", "-"), shape, mode.id if mode else "")
    except (LabError, RuntimeError) as error:
        return f"FAILED {name}: {error}"
    found = diagnose(recordings.slim(evidence), known)
    if not (recordings.is_reported(mode, found) if mode else found.findings == ()):
        return f"FAILED {name}: the diagnosis names {[finding.id for finding in found.to_repair]}"
    return f"{name}: {recordings.write(name, shape, evidence).stat().st_size} bytes"


def wanted(only: list[str], known: Catalogue) -> list[str]:
    """The recordings to make: those asked for, those missing or stale, or all of them and a healthy host."""
    everything = [recordings.HEALTHY, *known.modes]
    if only == [STALE]:
        return [name for name in everything if _is_stale(name)]
    return only or everything


def _is_stale(name: str) -> bool:
    found = [shape for other, shape in recordings.pairs() if other == name]
    return not found or any(recordings.stale(name, shape) for shape in found)


def main(only: list[str]) -> int:
    """Record; 1 where one could not be recorded."""
    known = load()
    names = wanted(only, known)
    if unknown := [name for name in names if name not in known.modes and name != recordings.HEALTHY]:
        print(f"no failure mode {', '.join(unknown)}")
        return 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lines = []
        for line in pool.map(lambda name: record(name, known), names):
            print(line, flush=True)
            lines.append(line)
    return int(any(line.startswith("FAILED") for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
