"""Chaos tests: a recovery is interrupted, or fed with nonsense, on real hosts: survived, lost or harmed.

Survived: the next run did the job, or the nonsense was reported and nothing was changed. Lost: the job was not done, or
a lock stayed. Harmed: something else was changed. Of odd hosts that are to stay as they are, and of hostile trees, it
is also counted what runs changed (files, tables, links of systemd's), restarted (the app, nginx, PostgreSQL) and had
root run for the app. Run as `make chaos`; ONLY=expression takes some (as pytest's -k), JOBS=number as many hosts in
parallel. Writes docs/chaos.md. It takes an hour or more, so what is measured is kept in reports/chaos.json, and
RESUME=yes goes on from there.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "chaos.md"
RAW = ROOT / "reports" / "chaos.json"
TESTS = {
    "odd host with a fault": [
        "hosts/test_held_by_somebody.py",
        "hosts/test_odd_venvs.py",
        "hosts/test_others_at_work.py",
        "hosts/test_two_clusters.py",
    ],
    "odd host that is well": [
        "hosts/test_left_alone.py",
        "hosts/test_no_system_python.py",
        "hosts/test_odd_but_healthy.py",
        "hosts/test_odd_hosts.py",
    ],
    "interruption": ["hosts/test_interrupted.py::test_the_next_run_finishes_the_job"],
    "bad input": [
        "controller/test_hostile_answers.py",
        "controller/test_refused_settings.py",
        "hosts/test_bad_settings.py",
        "hosts/test_hostile_hosts.py",
        "hosts/test_traps.py",
    ],
    "hostile app tree": [
        "hosts/test_hostile_checkouts.py",
        "hosts/test_hostile_programs.py",
        "hosts/test_hostile_trees.py",
        "hosts/test_hostile_uv.py",
        "hosts/test_refused_paths.py",
    ],
}
# Tests in these files that show something else: a fault is repaired, or all that single tests show is on one host.
LEFT_OUT = [
    "hosts/test_left_alone.py::test_after_the_maintenance_the_site_comes_back",
    "hosts/test_odd_but_healthy.py::test_a_mask_that_was_lowered",
    "hosts/test_odd_but_healthy.py::test_odd_access",
    "hosts/test_odd_but_healthy.py::test_the_only_copy_of_a_module_stays",
    "hosts/test_odd_but_healthy.py::test_the_site_comes_back_before_what_can_wait",
    "hosts/test_refused_paths.py::test_a_logs_folder_is_given_back",
]
SURVIVED, LOST, HARMED = "survived", "lost", "harmed"
WORDS = (SURVIVED, LOST, HARMED)
# What tests of hosts that are to stay as they are count (tests/hosts/unharmed.py).
COUNTED = ("changed", "restarted", "root")


@dataclass(frozen=True)
class Result:
    """The state of a host after one test. word: survived, lost or harmed. counts: of COUNTED, where they are."""

    kind: str
    test: str
    word: str
    why: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The test without its file."""
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
        properties = dict(report.user_properties)
        said = properties.get("verdict")
        counts = {name: int(str(properties[name])) for name in COUNTED if name in properties}
        word = str(said) if said else SURVIVED if report.passed else HARMED
        why = "" if report.passed else str(getattr(report.longrepr, "reprcrash", report.longrepr))[:300]
        # Its group of tests follows the name, as pytest-xdist prints it.
        test = re.sub(r"@[\w-]+$", "", report.nodeid)
        self.results.append(Result(kind, test, word, " ".join(why.split()), counts))
        RAW.parent.mkdir(parents=True, exist_ok=True)
        RAW.write_text(json.dumps([asdict(result) for result in self.results], indent=1), encoding="utf-8")
        print(f"{len(self.results)} {word}: {self.results[-1].name}", flush=True)


def table(results: list[Result]) -> str:
    """How many of each kind came to what, and which did not survive."""
    rows = [[kind, *_cells([result for result in results if result.kind == kind])] for kind in TESTS]
    titles = (*WORDS, *COUNTED)
    lines = ["| | " + " | ".join(titles) + " |", "| --- |" + " --- |" * len(titles)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += [f"\n{r.word}: {r.kind} `{r.name}`: {r.why}" for r in results if r.word != SURVIVED]
    return "\n".join(lines)


def _cells(results: list[Result]) -> list[str]:
    """The row of one kind; what none of its tests counts stays empty."""
    words = Counter(result.word for result in results)
    counted = [[result.counts[name] for result in results if name in result.counts] for name in COUNTED]
    return [*(str(words[word]) for word in WORDS), *(str(sum(counts)) if counts else "" for counts in counted)]


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
    known = [result.test for result in watch.results]
    paths = [str(ROOT / "tests" / name) for names in TESTS.values() for name in names]
    options = ["-q", "-n", os.environ.get("JOBS", "4"), "--dist=loadgroup", *(["-k", only] if only else [])]
    options += [f"--deselect={test}" for test in [*(f"tests/{name}" for name in LEFT_OUT), *known]]
    pytest.main([*paths, *options, f"--rootdir={ROOT}"], plugins=[watch])
    print(table(watch.results))
    if not only or os.environ.get("RESUME"):
        TARGET.write_text(page(watch.results), encoding="utf-8")
    return 0 if watch.results and all(result.word == SURVIVED for result in watch.results) else 2


if __name__ == "__main__":
    sys.exit(main())
