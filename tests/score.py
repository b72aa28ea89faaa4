"""How well causes are named and sites healed, scenario by scenario, beside what people do today; on real hosts.

A scenario in which any true root cause is missed scores 0, otherwise the share of named causes that are true, as public
benchmarks of diagnosis do it. Run as `make score`; ONLY=substring takes some scenarios. Writes docs/score.md.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import local

ROOT = Path(__file__).parents[1]
for folder in ("tests/hosts", "molecule", "collections"):
    sys.path.insert(0, str(ROOT / folder))

import contenders  # noqa: E402
import lab  # noqa: E402
import matrix  # noqa: E402
import score_page  # noqa: E402
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import load  # noqa: E402
from scenarios import Scenario  # noqa: E402
from scenarios import load as load_scenarios  # noqa: E402
from sites import Site, differences, named, outside, settings_for  # noqa: E402

JOBS = int(os.environ.get("JOBS", "3"))
TARGET = ROOT / "docs" / "score.md"
_WORKER = local()


@dataclass
class Result:
    """What one contender did about one scenario."""

    scenario: str
    shape: str
    contender: str
    causes: list[str]
    well_before: bool
    well_after: bool
    seconds: float
    changed_outside: list[str]
    named: list[str] = field(default_factory=list)
    outcome: str = ""

    @property
    def missed(self) -> list[str]:
        return [cause for cause in self.causes if cause not in self.named]

    @property
    def wrong(self) -> list[str]:
        return [cause for cause in self.named if cause not in self.causes]

    @property
    def score(self) -> float:
        """0 where a cause is missed, else the share of the named causes that are true."""
        if self.missed:
            return 0.0
        return 1.0 if not self.named else 1 - len(self.wrong) / len(self.named)

    @property
    def healed(self) -> bool:
        return self.well_after and not self.well_before


def of_modes() -> list[Scenario]:
    """Every failure mode alone, on the first shape that suits it."""
    return [
        Scenario(
            id=mode.id,
            title=mode.title,
            shape=matrix.suitable(mode)[0],
            steps=[mode.id],
            causes=[] if mode.symptom else [mode.id],
            approve=[mode.id] if mode.risk == "ask" else [],
        )
        for mode in load().modes.values()
        if not mode.symptom
    ]


def measure(scenario: Scenario, contender: str) -> Result:
    """Break a fresh host, let the contender at it, look at what came of it."""
    host = lab.Host(_thread_name(), scenario.shape).up()
    try:
        healthy = host.snapshot()
        scenario.apply(host)
        broken, well_before = host.snapshot(), contenders.is_well(host)
        begun = time.monotonic()
        told: list[str] = []
        outcome, remedies = "", []
        settings = settings_for(scenario.steps[0], host.shape) if len(scenario.steps) == 1 else {}
        if contender == "rescue502":
            with tempfile.TemporaryDirectory() as folder:
                _code, incident, _output = Site(host, Path(folder), extra=settings).play(
                    "recover", rescue502_approve=scenario.approve
                )
            told, outcome = named(incident), incident["outcome"]
            remedies = [action["remedy"] for action in incident["actions"]]
        else:
            contenders.CONTENDERS[contender](host)
        seconds = time.monotonic() - begun
        well_after = contenders.stays_well(host)
        changed = differences(broken, host.snapshot()) - differences(healthy, broken)
        return Result(
            scenario=scenario.id, shape=scenario.shape, contender=contender, causes=scenario.causes,
            well_before=well_before, well_after=well_after, seconds=round(seconds, 1), named=told, outcome=outcome,
            changed_outside=sorted(outside(changed, remedies, host.shape)),
        )  # fmt: skip
    finally:
        host.down()


def _thread_name() -> str:
    """A host's name that no other thread uses."""
    if not hasattr(_WORKER, "name"):
        _WORKER.name = f"score-{os.getpid()}-{time.monotonic_ns() % 10**6}"
    return str(_WORKER.name)


def run(scenarios: list[Scenario], names: list[str]) -> list[Result]:
    """All scenarios for all contenders, a few at a time, with a line of progress each."""
    results = []
    with ThreadPoolExecutor(JOBS) as pool:
        jobs = {pool.submit(measure, s, name): (s, name) for s in scenarios for name in names}
        for number, job in enumerate(as_completed(jobs), 1):
            scenario, name = jobs[job]
            try:
                result = job.result()
            except Exception as error:
                print(f"{number}/{len(jobs)} {scenario.id} {name}: not measured: {error}", flush=True)
                continue
            results.append(result)
            print(f"{number}/{len(jobs)} {score_page.line(result)}", flush=True)
    return results


def main() -> int:
    """Measure, print, write the page; 0 where every cause was named and none wrongly."""
    only = os.environ.get("ONLY", "")
    kinds = [*of_modes(), *(s for kind in ("together", "herrings", "controls") for s in load_scenarios(kind))]
    scenarios = [scenario for scenario in kinds if only in scenario.id]
    names = ["rescue502", *contenders.CONTENDERS]
    results = run(scenarios, os.environ.get("CONTENDERS", ",".join(names)).split(","))
    raw = Path(os.environ.get("RAW", ROOT / "reports" / "score.json"))
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_text(json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8")
    page = score_page.page(results, datetime.date.today().isoformat())
    print(page)
    if not only:
        TARGET.write_text(page, encoding="utf-8")
    ours = [result for result in results if result.contender == "rescue502"]
    return 0 if len(ours) == len(scenarios) and all(r.score == 1 and not r.changed_outside for r in ours) else 2


if __name__ == "__main__":
    sys.exit(main())
