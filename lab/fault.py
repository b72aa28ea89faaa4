"""Fault operators: ways to break any host, with parameters that are drawn. One file in lab/faults/ each.

`script` is bash under the host's facts and the functions of reproduce.sh, with a variable for each parameter: of
`draw` one of the words listed, of `among` one of the lines that its bash prints there. It fails where it did not take.
`where` names features that the host must have (`not:` before one that it must not). `causes` are what is right; `a|b`
where either is. `heals` says whether recover brings the site back unasked, or with which features it does; `changes`,
what that changes besides what the fault had changed; `waits`, values of parameters with which it waits for a word of
the operator's, such as a mode that nobody sets by mistake. `well` is bash that succeeds where the site is well in what
its answers do not show, such as its certificate; without it they alone decide. Two come together where both say so and
are of different groups.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import yaml

from lab.podman import LabError

if TYPE_CHECKING:
    from lab.host import Host

FOLDER = Path(__file__).parent / "faults"


@dataclass(frozen=True)
class Operator:
    """One way to break hosts."""

    name: str
    title: str
    group: str
    script: str
    causes: list[str]
    heals: bool | list[str]
    where: list[str] = field(default_factory=list)
    draw: dict[str, list[str]] = field(default_factory=dict)
    among: dict[str, str] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    waits: dict[str, list[str]] = field(default_factory=dict)
    well: str = ""
    together: bool = False

    def suits(self, features: set[str]) -> bool:
        """Whether a host of these features can be broken so."""
        return _all_of(self.where, features)

    def heals_on(self, features: set[str], values: dict[str, str]) -> bool:
        """Whether a host of these features, broken with these parameters, is healed unasked."""
        if any(values.get(name) in words for name, words in self.waits.items()):
            return False
        return self.heals if isinstance(self.heals, bool) else _all_of(self.heals, features)

    def values(self, host: Host, random: Random) -> dict[str, str]:
        """Parameters for this host. LabError where it has none to draw from."""
        found = {name: random.choice(words) for name, words in self.draw.items()}
        for name, script in self.among.items():
            lines = sorted(host.run(script).stdout.splitlines())
            if not lines:
                raise LabError(f"{self.name}: nothing to draw {name} from on {host.name}")
            found[name] = random.choice(lines)
        return found

    def apply(self, host: Host, values: dict[str, str]) -> None:
        """Break the host, and wait until the unit has settled."""
        assignments = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
        host.break_with(self.name, assignments + self.script)

    def is_gone(self, host: Host) -> bool:
        """Whether the host is well in what this operator breaks and no answer of the site shows."""
        return not self.well or host.run(self.well, check=False).returncode == 0


def _all_of(words: list[str], features: set[str]) -> bool:
    return all(
        word.removeprefix("not:") not in features if word.startswith("not:") else word in features for word in words
    )


@cache
def load() -> dict[str, Operator]:
    """All operators by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.yml")):
        found[path.stem] = Operator(name=path.stem, **yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def suitable(features: set[str]) -> list[Operator]:
    """The operators that suit a host of these features, by name."""
    return [operator for operator in load().values() if operator.suits(features)]


def drawn(features: set[str], random: Random) -> list[Operator]:
    """One of them, or, one time in four, two that may come together."""
    found = suitable(features)
    first = random.choice(found)
    others = [other for other in found if other.together and other.group != first.group]
    return [first, random.choice(others)] if first.together and others and random.random() < 0.25 else [first]
