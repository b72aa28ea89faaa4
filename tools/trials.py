"""Cases that a stranger wrote, each run once on a host of its own: docs/blind-trials.md says how a round is made.

Run as `make trials CASES=folder`; ONLY='03 07' takes some of them, KEEP=1 leaves the hosts up, and FAULT_ALONE=1 tells
an author whether the faults take. A case is a file `NN-name.yml` of the keys of `Case`.
Each is booted, broken, looked at for whether the fault took, run, and held against what its author called right.
Prints a line each, writes all that was seen to `results/` in that folder, and ends with 1 where one is not right.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

import lab
from lab.breaking import break_with, prelude
from lab.podman import LabError
from lab.site import Site, differences

JOBS = int(os.environ.get("JOBS") or 1)
# For authors: whether the faults take, without a run.
FAULT_ALONE = bool(os.environ.get("FAULT_ALONE"))


@dataclass(frozen=True)
class Case:
    """What an author wrote. `fault`, `took` and `check` are bash, run on the host as root with the lab's functions."""

    title: str
    fault: str
    # Ends with 0 where the fault is there to be seen, before anything of ours runs.
    took: str
    # Ends with 0 where the host is afterwards as it is to be.
    check: str
    # Any of these is right: healthy, recovered, degraded, needs-approval, needs-human, failed, planned.
    outcomes: list[str]
    # Patterns, each of which a root cause's id, title or reason must match; none where nothing is to be called broken.
    causes: list[str] = field(default_factory=list)
    # A shape of lab/shapes, or `seed:17`, `seed:tutorial`.
    host: str = "tcp"
    command: str = "recover"
    approve: list[str] = field(default_factory=list)
    # What the operator has set besides the checks of the edge, and whether those are set.
    settings: dict[str, Any] = field(default_factory=dict)
    checks_set: bool = True
    source: str = ""
    why: str = ""


@dataclass
class Seen:
    """What came out of a case. `wrong` says what was not right; `void` why nothing can be said."""

    name: str
    title: str
    outcome: str = ""
    code: int = 0
    edge: list[int] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    void: str = ""
    output: str = ""
    seconds: float = 0.0

    def line(self) -> str:
        """What is printed of it."""
        verdict = f"VOID {self.void[-300:]}" if self.void else "; ".join(self.wrong) or "right"
        edge = " to ".join(map(str, self.edge))
        return f"{self.name}: {self.outcome}, edge {edge}, {', '.join(self.causes) or 'no cause'} -> {verdict}"


def run(name: str, case: Case) -> Seen:
    """Boot, break, look, run, judge."""
    begun, seen = time.monotonic(), Seen(name, case.title)
    host = lab.Host(f"t{re.sub('[^a-z0-9]', '', name.lower())[:12]}", case.host)
    try:
        with tempfile.TemporaryDirectory(prefix="rescue502-trial-") as folder:
            host.up()
            break_with(host, "", case.fault)
            host.run(prelude() + case.took)
            if FAULT_ALONE:
                return seen
            site = Site(host, Path(folder), full=case.checks_set, extra=case.settings)
            before, seen.edge = host.snapshot(), [host.ask(host.shape.api_path)[0]]
            approved = {"rescue502_approve": case.approve} if case.approve else {}
            seen.code, record, seen.output = site.play(case.command, **approved)
            seen.edge.append(host.ask(host.shape.api_path)[0])
            seen.changed = sorted(differences(before, host.snapshot()))
            note(seen, record)
            judge(seen, case, record)
            after = host.run(prelude() + case.check, check=False)
            if after.returncode:
                seen.wrong.append(f"check: {(after.stdout + after.stderr).strip()[-300:]}")
    except LabError as error:
        seen.void = str(error)
    finally:
        if not os.environ.get("KEEP"):
            host.down()
    seen.seconds = round(time.monotonic() - begun, 1)
    return seen


def note(seen: Seen, record: Any) -> None:
    """Write down what the run found and did."""
    seen.outcome = record.get("outcome", "healthy" if seen.code == 0 else "no incident")
    seen.causes = [item["id"] for item in record.get("root_causes", [])]
    seen.also = [item["id"] for item in record.get("also_found", [])]
    seen.actions = [f"{item['remedy']} {item.get('status', '')}".strip() for item in record.get("actions", [])]


def judge(seen: Seen, case: Case, record: Any) -> None:
    """Hold it against what its author called right."""
    if seen.outcome not in case.outcomes:
        seen.wrong.append(f"outcome {seen.outcome} instead of {' or '.join(case.outcomes)}")
    named = "\n".join(f"{item['id']} {item['title']} {item['because']}" for item in record.get("root_causes", []))
    seen.wrong += [f"not named: {cause}" for cause in case.causes if not re.search(cause, named, re.IGNORECASE)]
    if not case.causes and seen.causes:
        seen.wrong.append(f"called broken: {', '.join(seen.causes)}")


def main() -> int:
    """Run the folder's cases; 1 where one is not right, 2 where none was found."""
    folder, only = Path(os.environ.get("CASES") or "cases"), os.environ.get("ONLY", "").split()
    paths = [path for path in sorted(folder.glob("[0-9]*.yml")) if not only or path.name.startswith(tuple(only))]
    if not paths:
        print(f"no case in {folder}: CASES=folder, of files 01-name.yml", file=sys.stderr)
        return 2
    results = folder / "results"
    results.mkdir(exist_ok=True)
    wrong = 0
    with ThreadPoolExecutor(JOBS) as pool:
        cases = [Case(**yaml.safe_load(path.read_text(encoding="utf-8"))) for path in paths]
        for seen in pool.map(run, [path.stem for path in paths], cases):
            (results / f"{seen.name}.json").write_text(json.dumps(asdict(seen), indent=1), encoding="utf-8")
            print(seen.line(), flush=True)
            wrong += bool(seen.wrong or seen.void)
    print(f"{len(paths) - wrong} of {len(paths)} right by what their author wrote")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
