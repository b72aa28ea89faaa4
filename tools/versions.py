"""Diagnose and recover broken lab hosts with each ansible-core and Python that is supported; writes docs/versions.md.

    python -m tools.versions               all of them, as each night
    python -m tools.versions 2.21/3.13     these only, and docs/versions.md stays as it is

Each controller is an environment of its own below .cache/, with the wheel as users install it, and works outside of the
checkout. A Python that this machine lacks is said, and shown as "not run".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import lab
from tools import pythons

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "versions"
PAGE = ROOT / "docs" / "versions.md"
FAULTS = ("database/stopped", "dependencies/missing")
# The shape of each target, and its Python: the oldest that is supported, and the usual one.
TARGETS = {"bullseye": "3.9", "tcp": "3.11"}
RUN_SECONDS = 300
# ansible-core and Python. rescue502 itself needs Python 3.11: below that the playbooks are run.
CONTROLLERS = (
    ("2.16", "3.10"),
    ("2.16", "3.11"),
    ("2.18", "3.11"),
    ("2.19", "3.11"),
    ("2.21", "3.12"),
    ("2.21", "3.13"),
)
RUNNER_PYTHON = (3, 11)
TOO_OLD = (("2.15", "3.9"), ("2.15", "3.11"))
REFUSAL = "is too old: rescue502 needs 2.16 or newer. Nothing was changed."
# One host is recovered by each controller in turn: more often than the budget of a remedy allows within an hour.
BUDGET = 100
HEAD = """# Versions that were tried

A controller with each of these versions diagnoses and recovers two lab hosts, Debian 11 and Debian 12, that are broken
by {faults}: both causes are named and no other, and every check of the edge is well
in the end. rescue502 itself needs Python 3.11; where there is less, the playbooks are run. Written by `make versions`.

| ansible-core | Python of the controller | by | {targets} |
| --- | --- | --- |{rules}
"""


@dataclass(frozen=True)
class Controller:
    """An environment with one ansible-core and one Python."""

    core: str
    python: str
    folder: Path

    @property
    def has_runner(self) -> bool:
        """Whether rescue502 can be installed there."""
        return tuple(int(part) for part in self.python.split(".")) >= RUNNER_PYTHON

    def exact_core(self) -> str:
        """The version of ansible-core that pip has chosen."""
        ask = "from ansible.release import __version__; print(__version__)"
        python = str(self.folder / "bin" / "python")
        return subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()

    def run(self, command: str, inventory: Path, reports: Path) -> subprocess.CompletedProcess[str]:
        """Run `diagnose` or `recover` to its end."""
        if self.has_runner:
            words = ["rescue502", command, "-i", str(inventory), "--reports", str(reports)]
            where = inventory.parent
        else:
            words = ["ansible-playbook", "-i", str(inventory), f"playbooks/{command}.yml"]
            words += ["-e", f"rescue502_reports={reports}"]
            where = ROOT
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return subprocess.run(
            [str(self.folder / "bin" / words[0]), *words[1:]],
            cwd=where,
            env=environment | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )


def controller(core: str, python: str, wheel: Path) -> Controller | None:
    """Make the environment, or use the one that is there; None where this machine has no such Python."""
    found = pythons.find(python)
    if not found:
        print(f"not run: ansible-core {core} on Python {python}, which is not here", flush=True)
        return None
    made = Controller(core, python, CACHE / f"{core}-{python}")
    subprocess.run([str(found), "-m", "venv", "--clear", str(made.folder)], check=True)
    wanted = [f"ansible-core~={core}.0", *([str(wheel)] if made.has_runner and (core, python) not in TOO_OLD else [])]
    pip = [str(made.folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted], check=True)
    return made


def built(folder: Path) -> Path:
    """Build the wheel."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("rescue502-*.whl"))


def listed(hosts: list[lab.Host], folder: Path) -> Path:
    """Write the inventory."""
    variables = {host.name: host.inventory(full=True) | {"rescue502_budget": BUDGET} for host in hosts}
    path = folder / "hosts.yml"
    path.write_text(yaml.safe_dump({"all": {"hosts": variables}}), encoding="utf-8")
    return path


def judged(one: Controller, hosts: list[lab.Host], inventory: Path) -> dict[str, str]:
    """Break the hosts, diagnose and recover them; for each host's shape `ok`, or what was wrong."""
    for host in hosts:
        for fault in FAULTS:
            host.break_with(fault)
    problems: dict[str, list[str]] = {host.shape_name: [] for host in hosts}
    for command in ("diagnose", "recover"):
        begun = time.monotonic()
        reports = inventory.parent / f"{one.core}-{one.python}-{command}"
        done = one.run(command, inventory, reports)
        print(f"{one.core}/{one.python} {command}: {done.returncode}, {time.monotonic() - begun:.0f} s", flush=True)
        incidents = {path.stem: json.loads(path.read_text("utf-8")) for path in reports.glob("*/*.json")}
        for host in hosts:
            said = wrong(command, incidents.get(host.name))
            problems[host.shape_name] += [f"{command}: {said}"] if said else []
        if any(problems.values()) or done.returncode != {"diagnose": 2, "recover": 0}[command]:
            print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", flush=True)
    return {shape: "; ".join(found) or "ok" for shape, found in problems.items()}


def wrong(command: str, incident: dict[str, Any] | None) -> str:
    """The differences of a host's incident from what it must be; empty where there are none."""
    if not incident:
        return "no report"
    causes = sorted(cause["id"] for cause in incident["root_causes"])
    before, after = incident["edge"]["before"]["well"], incident["edge"]["after"]["well"]
    if before or causes != sorted(FAULTS):
        return f"the edge was {'well' if before else 'down'}, and the causes are {', '.join(causes) or 'none'}"
    if command == "recover" and not (after and incident["outcome"] == "recovered"):
        return f"{incident['outcome']}, the edge is {'well' if after else 'down'}"
    return ""


def refused(one: Controller, inventory: Path) -> str:
    """`refused` where a controller that is too old says so in one sentence, and nothing was begun."""
    command = [str(one.folder / "bin" / "ansible-playbook"), "-i", str(inventory), "playbooks/diagnose.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = " ".join((done.stdout + done.stderr).split())
    well = done.returncode == 2 and REFUSAL in said and "Traceback" not in said
    return "refused, in one sentence" if well else f"not refused in one sentence: {said[-300:]}"


def rows(wanted: list[tuple[str, str]], folder: Path) -> list[list[str]]:
    """One row for each controller: versions, how it was run, and what came of each target."""
    wheel = built(folder)
    hosts = [host for shape in TARGETS for host in lab.boot([f"versions-{shape}"], shape)]
    inventory = listed(hosts, folder)
    found: list[list[str]] = []
    try:
        for core, python in wanted:
            one = controller(core, python, wheel)
            by = "rescue502" if one and one.has_runner else "ansible-playbook"
            if not one:
                results = dict.fromkeys(TARGETS, "not run")
            elif (core, python) in TOO_OLD:
                by, results = "ansible-playbook", dict.fromkeys(TARGETS, refused(one, inventory))
            else:
                results = judged(one, hosts, inventory)
            found.append([one.exact_core() if one else core, python, by, *(results[shape] for shape in TARGETS)])
    finally:
        for host in hosts:
            host.down()
    return found


def main() -> int:
    """Try all, print the table; 1 where anything went wrong."""
    every = [*CONTROLLERS, *TOO_OLD]
    named = [(core, python) for core, _, python in (word.partition("/") for word in sys.argv[1:])]
    with tempfile.TemporaryDirectory(prefix="rescue502-versions-") as name:
        found = rows(named or every, Path(name))
    targets = " | ".join(f"target with Python {version}" for version in TARGETS.values())
    text = HEAD.format(faults=" and ".join(FAULTS), targets=targets, rules=" --- |" * len(TARGETS)).rstrip("\n") + "\n"
    text += "".join(f"| {' | '.join(row)} |\n" for row in found)
    print(text)
    if not named:
        PAGE.write_text(text, encoding="utf-8")
    return int(any(cell not in ("ok", "not run", "refused, in one sentence") for row in found for cell in row[3:]))


if __name__ == "__main__":
    sys.exit(main())
