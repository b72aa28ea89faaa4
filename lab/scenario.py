"""Scenarios of more than one failure mode: several causes together, loud errors that are no cause, healthy hosts.

Each is a file in lab/scenarios/<kind>/. `steps` break the host in order: a failure mode's id takes its reproduction,
anything else is bash under the same facts and functions. `shows` is bash that fails where what else was planted is not
there to be seen. `causes` are all that may be named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lab import Host, breaking
from lab import shape as shapes

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Scenario:
    """One way to break a host, or not, and what is true of it then."""

    id: str
    title: str
    shape: str = shapes.DEFAULT
    steps: list[str] = field(default_factory=list)
    shows: str = ""
    causes: list[str] = field(default_factory=list)
    approve: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)
    outcome: str = "recovered"
    # Whether it repeats what others show, and runs each night rather than at each change.
    nightly: bool = False

    def apply(self, host: Host) -> None:
        """Break the host. LabError where a step did not take."""
        for step in self.steps:
            is_mode = re.match(r"^[a-z]+/[a-z0-9-]+$", step)
            host.break_with(step if is_mode else self.id, None if is_mode else step)
        host.run(breaking.prelude() + self.shows)


def load(kind: str) -> list[Scenario]:
    """The scenarios of a kind (together, herrings, controls), by name."""
    found = []
    for path in sorted((FOLDER / kind).glob("*.yml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        found.append(Scenario(id=f"{kind}/{path.stem}", **data))
    return found
