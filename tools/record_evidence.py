"""Record the evidence of failure modes on lab hosts: `make record`, or `make record ONLY=database/stopped`.

Each failure mode on each shape of host that suits it. `ONLY=database/stopped` is one on its usual shape,
`ONLY=database/stopped@unix` on that one, `ONLY=database/stopped@all` on all of them. `ONLY=stale` records what is
missing or stale, so that a run which was ended early goes on where it stopped. `ONLY=tonight` records each on its usual
shape, and a seventh of all others, another one each day. `JOBS=6` has six hosts at a time.

A host is booted and broken for each, and its evidence is kept only where the diagnosis names that mode and no other.
What is kept is what left the host: redacted there.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import (
    Catalogue,
    CatalogueError,
    load,
    load_file,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

import lab
from lab import look
from lab import shape as shapes
from lab.matrix import elsewhere, suitable
from lab.podman import LabError
from lab.site import Site, settings_for
from tools import recordings

AT_ONCE = int(os.environ.get("JOBS", "3"))
STALE = "stale"
TONIGHT = "tonight"
ALL = "all"
# The name of a failure mode, or recordings.HEALTHY, and the shape of a host.
Pair = tuple[str, str]
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


def evidence_of(pair: Pair) -> dict[str, Any]:
    """The evidence of a fresh host, broken in the way of a failure mode, or left healthy."""
    name, shape = pair
    begin = os.environ.get("RESCUE502_TEST_HOST", "record")
    host = lab.Host(f"{begin}-{shape}-{name.replace('/', '-')}", shape)
    try:
        host.up()
        if name == recordings.HEALTHY:
            return look.look(host)
        host.break_with(name)
        host.run(STEADY, check=False)
        return _by_play(host, name) if name in look.PLAYED else look.look(host, settings_for(name, host.shape))
    finally:
        host.down()


def _by_play(host: lab.Host, name: str) -> dict[str, Any]:
    """What a play brings from a host."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(host, Path(folder), extra=settings_for(name, host.shape))
        _code, incident, output = site.play("diagnose", rescue502_level="full")
    if not incident:
        raise LabError(output)
    return dict(incident["evidence"])


def record(pair: Pair, known: Catalogue) -> str:
    """Record one pair; what came of it, in a line."""
    name, shape = pair
    mode = known.modes.get(name)
    try:
        evidence = evidence_of(pair)
    except LabError as error:
        return f"FAILED {name}@{shape}: {error}"
    found = diagnose(recordings.slim(evidence), known)
    if not (recordings.is_reported(mode, found) if mode else found.findings == ()):
        return f"FAILED {name}@{shape}: the diagnosis names {[finding.id for finding in found.to_repair]}"
    return f"{name}@{shape}: {recordings.write(name, shape, evidence).stat().st_size} bytes"


def everything(known: Catalogue) -> list[Pair]:
    """Each failure mode on each shape that suits it, and a healthy host of each shape: the usual shapes first."""
    shapes_of = {recordings.HEALTHY: shapes.names(), **{name: suitable(mode) for name, mode in known.modes.items()}}
    first = [(name, found[0]) for name, found in shapes_of.items()]
    return [*first, *((name, shape) for name, found in shapes_of.items() for shape in found[1:])]


def wanted(only: list[str], known: Catalogue) -> list[Pair]:
    """The recordings to make. only: failure modes, alone or with `@shape`; STALE or TONIGHT alone; empty for all.

    ValueError with what suits nothing.
    """
    pairs = everything(known)
    if not only:
        return pairs
    if only == [STALE]:
        there = set(recordings.pairs())
        return [pair for pair in pairs if pair not in there or recordings.stale(*pair)]
    if only == [TONIGHT]:
        usual = [pair for pair in pairs if pair in _meant(pair[0], pairs)]
        return [*usual, *((mode.id, shape) for shape, mode in elsewhere())]
    meant = {word: _meant(word, pairs) for word in only}
    if unknown := [word for word, found in meant.items() if not found]:
        raise ValueError(f"no failure mode, or none on a host of that shape: {', '.join(unknown)}")
    return [pair for found in meant.values() for pair in found]


def _meant(word: str, pairs: list[Pair]) -> list[Pair]:
    """The pairs that `name`, `name@shape` or `name@all` means."""
    name, _, shape = word.partition("@")
    own = [pair for pair in pairs if pair[0] == name]
    return [pair for pair in own if shape in (ALL, pair[1])] if shape else own[:1]


def main(only: list[str]) -> int:
    """Record; 1 where one could not be recorded."""
    known = load()
    try:
        pairs = wanted(only, known)
        for name in {name for name, _shape in pairs} & {*known.modes}:
            load_file(Path(known.modes[name].source))
    except (ValueError, CatalogueError) as error:
        print(error)
        return 1
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in pool.map(lambda pair: record(pair, known), pairs):
            print(line, flush=True)
            failed += line.startswith("FAILED")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
