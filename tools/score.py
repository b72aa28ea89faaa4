"""How well causes are named and sites healed, scenario by scenario, compared with what people do today; on real hosts.

A scenario in which any true root cause is missed scores 0, otherwise the share of named causes that are true, as public
benchmarks of diagnosis do it. Run as `make score`; ONLY=substring takes some scenarios. Writes docs/own-scenarios.md.
It takes the better part of an hour: what is measured is kept in reports/score.json, and RESUME=yes goes on from there.
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

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record

import lab
from lab import matrix
from lab.scenario import Scenario
from lab.scenario import load as load_scenarios
from lab.site import Site, differences, named, outside, settings_for, to_approve
from tools import contenders, score_page

ROOT = Path(__file__).parents[1]

JOBS = int(os.environ.get("JOBS", "3"))
OURS = score_page.OURS
RAW = ROOT / "reports" / "score.json"
TARGET = ROOT / "docs" / "own-scenarios.md"
_WORKER = local()


@dataclass
class Result:
    """The result of one contender in one scenario."""

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
        """Causes that were not named."""
        return [cause for cause in self.causes if cause not in self.named]

    @property
    def wrong(self) -> list[str]:
        """What was named and is no cause."""
        return [cause for cause in self.named if cause not in self.causes]

    @property
    def score(self) -> float:
        """0 where a cause is missed, else the share of the named causes that are true."""
        if self.missed:
            return 0.0
        return 1.0 if not self.named else 1 - len(self.wrong) / len(self.named)

    @property
    def healed(self) -> bool:
        """Whether a site that was not well is well afterwards."""
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
            approve=to_approve(mode),
        )
        for mode in load().modes.values()
        if not mode.symptom
    ]


class Trial:
    """A fresh host, broken in the way of a scenario, for one contender after another to try themselves on."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.host = lab.Host(_thread_name(), scenario.shape).up()
        healthy = self.host.snapshot()
        scenario.apply(self.host)
        self._before = self.host.snapshot()
        self._by_fault = differences(healthy, self._before)
        self._well = contenders.is_well(self.host)

    def measure(self, contender: str) -> Result:
        """Let the contender at it, and look at what came of it."""
        begun = time.monotonic()
        incident = self._recover() if contender == OURS else self._let(contender)
        seconds = round(time.monotonic() - begun, 1)
        well_before, self._well = self._well, contenders.stays_well(self.host)
        after = self.host.snapshot()
        changed, self._before = differences(self._before, after) - self._by_fault, after
        remedies = [action["remedy"] for action in incident["actions"]]
        return Result(
            scenario=self.scenario.id, shape=self.scenario.shape, contender=contender, causes=self.scenario.causes,
            well_before=well_before, well_after=self._well, seconds=seconds, named=named(incident),
            outcome=incident["outcome"],
            changed_outside=sorted(outside(changed, [*remedies, contender], self.host.shape)),
        )  # fmt: skip

    def _recover(self) -> Record:
        steps = self.scenario.steps
        settings = settings_for(steps[0], self.host.shape) if len(steps) == 1 else {}
        with tempfile.TemporaryDirectory() as folder:
            site = Site(self.host, Path(folder), extra=settings)
            return site.play("recover", rescue502_approve=self.scenario.approve)[1]

    def _let(self, contender: str) -> Record:
        contenders.CONTENDERS[contender](self.host)
        return incident_record.new(self.host.name)


def measure(scenario: Scenario, names: list[str]) -> list[Result]:
    """Results of these contenders in a scenario. A host goes on to the next as long as it is as broken as it was."""
    results: list[Result] = []
    trial: Trial | None = None
    for name in names:
        trial = trial or Trial(scenario)
        results.append(trial.measure(name))
        if results[-1].well_after != results[-1].well_before or name == names[-1]:
            trial.host.down()
            trial = None
    return results


def _thread_name() -> str:
    """A host's name that no other thread uses."""
    if not hasattr(_WORKER, "name"):
        _WORKER.name = f"score-{os.getpid()}-{time.monotonic_ns() % 10**6}"
    return str(_WORKER.name)


def run(scenarios: list[Scenario], names: list[str], results: list[Result]) -> None:
    """Add to the results all scenarios for all contenders, ours on hosts of its own, with a line of progress each."""
    known = {(result.scenario, result.contender) for result in results}
    groups = ([OURS], [name for name in names if name != OURS])
    todo = [(s, group) for s in scenarios for group in groups if group and {(s.id, name) for name in group} - known]
    with ThreadPoolExecutor(JOBS) as pool:
        jobs = {pool.submit(measure, scenario, group): scenario for scenario, group in todo}
        for number, job in enumerate(as_completed(jobs), 1):
            try:
                found = job.result()
            except Exception as error:
                print(f"{number}/{len(jobs)} {jobs[job].id}: not measured: {error}", flush=True)
                continue
            results += [result for result in found if (result.scenario, result.contender) not in known]
            keep(results)
            for result in found:
                print(f"{number}/{len(jobs)} {score_page.line(result)}", flush=True)


def keep(results: list[Result]) -> None:
    """Write down what was measured so far."""
    RAW.parent.mkdir(parents=True, exist_ok=True)
    RAW.write_text(json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8")


def kept() -> list[Result]:
    """The results measured before."""
    return [Result(**values) for values in json.loads(RAW.read_text(encoding="utf-8"))] if RAW.exists() else []


def main() -> int:
    """Measure, print, write the page; 0 where every cause was named and none wrongly."""
    only = os.environ.get("ONLY", "")
    kinds = [*of_modes(), *(s for kind in ("together", "herrings", "controls") for s in load_scenarios(kind))]
    scenarios = [scenario for scenario in kinds if only in scenario.id]
    results = kept() if os.environ.get("RESUME") else []
    run(scenarios, [OURS, *contenders.CONTENDERS], results)
    page = score_page.page(results, datetime.date.today().isoformat(), JOBS)
    print(page)
    if not only:
        TARGET.write_text(page, encoding="utf-8")
    ours = [result for result in results if result.contender == OURS]
    return 0 if len(ours) == len(scenarios) and all(r.score == 1 and not r.changed_outside for r in ours) else 2


if __name__ == "__main__":
    sys.exit(main())
