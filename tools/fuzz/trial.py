"""One trial: a generated host, first looked at while it is well, then broken, diagnosed, recovered and judged."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record

import lab
from lab import fault
from lab.generator.shape import PREFIX, GeneratedShape
from lab.podman import LabError
from lab.site import Site, differences, outside
from tools.contenders import is_well, stays_well

FAULT_SECONDS = 15.0


@dataclass
class Result:
    """What was right, what came out, and what was wrong with it. `failed` names the checks that did not pass."""

    seed: str
    choices: str
    faults: dict[str, dict[str, str]] = field(default_factory=dict)
    causes: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    # What takes no site down, and was not there while the host was well; and what a cause explains.
    also: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    outcome: str = ""
    because: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    heals: bool = False
    healed: bool = False
    changed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    # Why nothing could be judged: the host did not become well, or the fault did not take.
    void: str = ""
    seconds: float = 0.0
    # The record of the last run that was judged, with its evidence.
    incident: Record | None = None

    @property
    def score(self) -> float:
        """0 where a cause is missed, else the share of the named causes that are true, as docs/score.md counts."""
        return score(self.causes, self.named)

    @property
    def passed(self) -> bool:
        """Whether nothing failed in a trial that counts."""
        return not self.failed and not self.void

    def record(self) -> dict[str, Any]:
        """As it is written down: a line, so without the incident."""
        line = asdict(replace(self, incident=None)) | {"score": self.score, "passed": self.passed}
        line.pop("incident")
        return line


def score(causes: list[str], named: list[str]) -> float:
    """causes: what is right, `a|b` where either is. named: what came out."""
    true = [name for name in named if any(name in cause.split("|") for cause in causes)]
    if any(not set(cause.split("|")) & set(named) for cause in causes):
        return 0.0
    return len(true) / len(named) if named else 1.0


class Trial:
    """A trial of a seed's host. faults: operators with their parameters; None draws them."""

    def __init__(self, name: str, seed: str, faults: dict[str, dict[str, str]] | None = None) -> None:
        self.host = lab.Host(name, PREFIX + seed)
        shape = self.host.shape
        assert isinstance(shape, GeneratedShape)
        self.shape, self.given = shape, faults
        self.result = Result(seed, str(shape.choices))
        self.random = Random(f"fault {seed}")

    def run(self) -> Result:
        """Boot, look, break, recover, judge."""
        begun = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="rescue502-fuzz-") as folder:
                self.host.up()
                self.site = Site(self.host, Path(folder))
                if self._healthy():
                    self._broken()
        except LabError as error:
            self.result.void = str(error)
        finally:
            self.host.down()
        self.result.seconds = round(time.monotonic() - begun, 1)
        return self.result

    def _check(self, ok: bool, name: str) -> bool:
        if not ok:
            self.result.failed.append(name)
        return ok

    def _healthy(self) -> bool:
        """A host that is well: no outage found, nothing done, nothing changed."""
        self.well = self.host.snapshot()
        code, incident, output = self.site.play("recover", rescue502_level="full")
        if not incident:
            raise LabError(f"no incident was written: {output[-1500:]}")
        self.usual = [item["id"] for item in incident["also_found"]]
        changed = but_what_runs(differences(self.well, self.host.snapshot()), self.shape.socket)
        quiet = self._check(incident["root_causes"] == [] and code in (0, 6), "healthy-host-has-an-outage")
        quiet &= self._check(incident["actions"] == [] and not changed, "healthy-host-was-changed")
        if not quiet:
            self._note(incident)
            self.result.changed = sorted(changed)
        return quiet

    def _broken(self) -> None:
        result = self.result
        operators = fault.drawn(self.shape.features(), self.random)
        if self.given is not None:
            operators = [fault.load()[name] for name in self.given]
        for operator in operators:
            values = (self.given or {}).get(operator.name) or operator.values(self.host, self.random)
            result.faults[operator.name] = values
            result.causes += operator.causes
            operator.apply(self.host, values)
        features = self.shape.features()
        result.heals = all(operator.heals_on(features, result.faults[operator.name]) for operator in operators)
        self._await_fault(operators)
        broken = self.host.snapshot()
        _code, incident, output = self.site.play("recover")
        if not incident:
            self.result.failed.append(f"no-incident: {output[-1500:]}")
            return
        self._note(incident)
        after = self.host.snapshot()
        changed = differences(broken, after) - differences(self.well, broken)
        remedies = [action["remedy"] for action in incident["actions"]]
        allowed = {pattern for operator in operators for pattern in operator.changes}
        changed = {item for item in changed if not any(fnmatchcase(item, pattern) for pattern in allowed)}
        result.changed = sorted(but_what_runs(outside(changed, remedies, self.shape), self.shape.socket))
        answers = stays_well(self.host)
        result.healed = answers and all(operator.is_gone(self.host) for operator in operators)
        self._check(result.score == 1, "causes")
        self._check(not result.changed, "changed-outside")
        self._check(result.healed or not result.heals, "not-healed")
        # What answers for some seconds, until systemd ends it once more, was looked at while it did.
        seen = incident["edge"]["after"]
        answered = answers or (not incident["actions"] and bool(seen and seen["well"]))
        self._check(is_honest(incident["outcome"], answered, result.healed), "outcome")
        if result.healed:
            self._again(after)

    def _await_fault(self, operators: list[fault.Operator]) -> None:
        """LabError where the edge stays well."""
        deadline = time.monotonic() + FAULT_SECONDS
        while is_well(self.host) and all(operator.is_gone(self.host) for operator in operators):
            if time.monotonic() > deadline:
                raise LabError(
                    f"{', '.join(self.result.faults)} did not take on {self.host.shape.name}: the edge is well"
                )
            time.sleep(0.2)

    def _again(self, before: dict[str, Any]) -> None:
        """A second run has nothing to do."""
        _code, incident, _output = self.site.play("recover")
        changed = but_what_runs(differences(before, self.host.snapshot()), self.shape.socket)
        self._check(incident.get("actions") == [] and not changed, "second-run-changes")

    def _note(self, incident: Record) -> None:
        result = self.result
        result.incident = incident
        result.named = sorted(item["id"] for item in incident["root_causes"])
        result.also = sorted(item["id"] for item in incident["also_found"] if item["id"] not in self.usual)
        unexplained = {item["id"] for item in [*incident["root_causes"], *incident["also_found"]]}
        result.explained = sorted({item["id"] for item in incident["findings"]} - unexplained)
        result.because = [f"{item['id']}: {item['because']}" for item in incident["root_causes"]]
        result.outcome = incident["outcome"]
        result.actions = [f"{action['remedy']}{'' if action['ok'] else ' failed'}" for action in incident["actions"]]


def is_honest(outcome: str, answers: bool, healed: bool) -> bool:
    """Whether an outcome fits. Where answers are well and what they do not show is not, `degraded` says so."""
    if answers and not healed:
        return outcome not in ("recovered", "healthy")
    return healed == (outcome in ("recovered", "degraded", "healthy"))


def but_what_runs(changed: set[str], socket: str) -> set[str]:
    """What changed but for logs, which grow, and the app's own socket, which comes and goes as the app crashes."""
    # daphne has a lock next to its socket.
    own = (f"files:{socket}", f"files:{socket}.lock")
    return {item for item in changed if "/var/log/" not in item and item not in own}
