"""Chaos tests: a recovery is interrupted, or fed with nonsense, on real hosts: survived, lost or harmed.

Survived: the next run did the job, or the nonsense was reported and nothing was changed. Lost: the job was not done, or
a lock stayed. Harmed: something else was changed. Run as `make chaos`; ONLY=expression takes some (as pytest's -k),
JOBS=number as many hosts in parallel. Writes docs/chaos.md. It takes an hour or more, so what is measured is kept in
reports/chaos.json, and RESUME=yes goes on from there.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "chaos.md"
RAW = ROOT / "reports" / "chaos.json"
TESTS = {
    "odd host that is well": ["hosts/test_left_alone.py", "hosts/test_odd_but_healthy.py"],
    "interruption": ["hosts/test_interrupted.py::test_the_next_run_finishes_the_job"],
    "bad input": [
        "controller/test_hostile_answers.py",
        "controller/test_refused_settings.py",
        "hosts/test_bad_settings.py",
        "hosts/test_hostile_hosts.py",
        "hosts/test_traps.py",
    ],
    "hostile app tree": ["hosts/test_hostile_trees.py", "hosts/test_refused_paths.py"],
}
SURVIVED, LOST, HARMED = "survived", "lost", "harmed"
WORDS = (SURVIVED, LOST, HARMED)


@dataclass(frozen=True)
class Result:
    """The state of a host after one test. word: survived, lost or harmed."""

    kind: str
    test: str
    word: str
    why: str = ""

    @property
    def name(self) -> str:
        return self.test.rpartition("::")[2]


class Watch:
    """A plugin of pytest that gathers the results, wherever the tests ran."""

    def __init__(self, known: list[Result]) -> None:
        """known: what was measured before, and is not measured again."""
        self.results = list(known)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test: its call, or a host that could not even be prepared."""
        if report.when != "call" and not report.failed:
            return
        kind = next((kind for kind, tests in TESTS.items() if any(name in report.nodeid for name in tests)), "")
        said = dict(report.user_properties).get("verdict")
        word = str(said) if said else SURVIVED if report.passed else HARMED
        why = "" if report.passed else str(getattr(report.longrepr, "reprcrash", report.longrepr))[:300]
        # Its group of tests follows the name, as pytest-xdist prints it.
        test = re.sub(r"@\w+$", "", report.nodeid)
        self.results.append(Result(kind, test, word, " ".join(why.split())))
        RAW.parent.mkdir(parents=True, exist_ok=True)
        RAW.write_text(json.dumps([asdict(result) for result in self.results], indent=1), encoding="utf-8")
        print(f"{len(self.results)} {word}: {self.results[-1].name}", flush=True)


def table(results: list[Result]) -> str:
    """How many of each kind came to what, and which did not survive."""
    counts = Counter((result.kind, result.word) for result in results)
    rows = [[kind, *(str(counts[kind, word]) for word in WORDS)] for kind in TESTS]
    lines = ["| | " + " | ".join(WORDS) + " |", "| --- |" + " --- |" * len(WORDS)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += [f"\n{r.word}: {r.kind} `{r.name}`: {r.why}" for r in results if r.word != SURVIVED]
    return "\n".join(lines)


def page(results: list[Result]) -> str:
    """The page in docs/."""
    about = (__doc__ or "").partition("Run as")[0].strip()
    names = "\n".join(
        f"- {result.kind} `{result.name}`: {result.word}" for result in sorted(results, key=lambda r: r.name)
    )
    measured = f"Measured on {datetime.date.today().isoformat()} (`make chaos`)."
    return "\n\n".join(["# Interruptions and bad inputs", about, measured, table(results), names]) + "\n"


def kept() -> list[Result]:
    """The results measured before that survived; the rest is tried again."""
    found = [Result(**values) for values in json.loads(RAW.read_text(encoding="utf-8"))] if RAW.exists() else []
    return [result for result in found if result.word == SURVIVED]


def main() -> int:
    """Run, print, write the page; 0 where nothing was lost and nothing harmed."""
    os.environ["RESCUE502_CHAOS"] = "all"
    watch, only = Watch(kept() if os.environ.get("RESUME") else []), os.environ.get("ONLY", "")
    paths = [str(ROOT / "tests" / name) for names in TESTS.values() for name in names]
    options = ["-q", "-n", os.environ.get("JOBS", "4"), "--dist=loadgroup", *(["-k", only] if only else [])]
    options += [f"--deselect={result.test}" for result in watch.results]
    pytest.main([*paths, *options, f"--rootdir={ROOT}"], plugins=[watch])
    print(table(watch.results))
    if not only or os.environ.get("RESUME"):
        TARGET.write_text(page(watch.results), encoding="utf-8")
    return 0 if watch.results and all(result.word == SURVIVED for result in watch.results) else 2


if __name__ == "__main__":
    sys.exit(main())
