# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The brake: where many hosts of a run show the same cause, a few are repaired and verified before the others. Pure.

It is decided when all hosts have been looked at, and before anything is changed on any of them (docs/scale.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import shared_causes

# Fewer hosts than these with the same cause are no outage of a fleet, whatever part of it they are.
AT_LEAST = 3
# How many more hosts each step has than the one before.
GROWTH = 3


@dataclass(frozen=True)
class Brake:
    """Its settings. most: hosts with the same cause that are repaired side by side, as a number or a part of the run's
    (share, of 1); canary: how many of more are repaired first."""

    most: int | None = None
    share: float = 0.3
    canary: int = 1

    def limit(self, hosts: int) -> float:
        """How many hosts of a run of so many may show the same cause without the brake."""
        return float(self.most) if self.most is not None else self.share * hosts

    def holds(self, showing: int, hosts: int) -> bool:
        """Whether so many hosts with the same cause are too many to be repaired side by side."""
        return showing >= AT_LEAST and showing > self.limit(hosts)


@dataclass(frozen=True)
class Turns:
    """Whose turn it is when. steps: hosts to repair, the first ones now; each later step when those before have held.

    behind: for each host of a later step, the cause, and the hosts that must be well first. held: for each host on
    which nothing is done, why.
    """

    steps: list[list[str]]
    behind: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    def words(self) -> list[str]:
        """What the brake does, a line for each cause."""
        waiting: dict[str, list[str]] = {}
        for host, (label, _before) in self.behind.items():
            waiting.setdefault(label, []).append(host)
        steps = [
            f"{label}: repaired on {', '.join(self.behind[hosts[0]][1])} first; {len(hosts)} hosts follow in steps, as "
            "long as each step holds"
            for label, hosts in waiting.items()
        ]
        return [*steps, *dict.fromkeys(self.held.values())]


def decide(records: Sequence[Record], to_repair: Sequence[str], brake: Brake) -> Turns:
    """The turns of a run's hosts. records: of all of them, after the first look. to_repair: those with a plan."""
    total = len(records)
    behind: dict[str, tuple[str, list[str]]] = {}
    held: dict[str, str] = {}
    later: list[list[str]] = []
    placed: set[str] = set()
    for label, showing in shared_causes.by_label(records).items():
        if not brake.holds(len(showing), total):
            continue
        open_here = [record for record in showing if record["host"] in to_repair and record["host"] not in placed]
        turn = [record["host"] for record in open_here if _is_repaired(record, label)]
        if not turn and shared_causes.names_dependency(label):
            why = f"{label} is down for {len(showing)} of {total} hosts; nothing is done around it"
            held.update({record["host"]: why for record in open_here})
            placed.update(held)
        placed.update(turn)
        for number, step in enumerate(_steps(turn, brake.canary)[1:]):
            later += [[]] if len(later) == number else []
            later[number] += step
            behind.update({host: (label, turn[: turn.index(step[0])]) for host in step})
    now = [host for host in to_repair if host not in behind and host not in held]
    return Turns([step for step in (now, *later) if step], behind, held)


def _is_repaired(record: Record, label: str) -> bool:
    """Whether the host's plan has a remedy for the cause."""
    planned = {cause for action in record["plan"] for cause in action["for"]}
    return any(name in planned for name, text in shared_causes.labels(record).items() if text == label)


def _steps(hosts: list[str], canary: int) -> list[list[str]]:
    """The canaries, then steps that grow."""
    steps, size, at = [], max(canary, 1), 0
    while at < len(hosts):
        steps.append(hosts[at : at + size])
        at, size = at + size, size * GROWTH
    return steps
