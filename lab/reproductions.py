"""Failure modes as the lab needs them: how each is reproduced, and how a host shows that the reproduction took."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from lab.podman import LabError

FAILURES = Path(__file__).parents[1] / "failures"
# What Host.ask() returns where nobody answers.
NO_ANSWER = 0


@dataclass(frozen=True)
class Reproduction:
    """A failure mode's script, and the words in which its file says what the edge shows."""

    id: str
    script: str
    edge: str

    @property
    def shows_at_the_edge(self) -> bool:
        """Whether a request shows the fault: not where all is well but for an advice, uploads or a certificate."""
        return not re.search(r"\b200\b|any answer|certificate", self.edge)

    @property
    def statuses(self) -> set[int]:
        """The statuses that the words name; NO_ANSWER for `refused`."""
        named = {int(number) for number in re.findall(r"\b[1-5]\d\d\b", self.edge)}
        return named | ({NO_ANSWER} if "refused" in self.edge else set())

    def is_shown_by(self, status: int) -> bool:
        """Whether a request that was answered so has met the fault."""
        by_another = bool(re.search("another site|stranger", self.edge)) and status != 200
        return by_another or status in self.statuses


def load(fault: str) -> Reproduction:
    """The reproduction of a failure mode, `<layer>/<name>`. LabError where there is no such mode."""
    path = FAILURES / f"{fault}.yml"
    if not path.is_file():
        raise LabError(f"no failure mode {fault}: there is no {path}")
    mode = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Reproduction(fault, str(mode["reproduce"]), str(mode["edge"]))
