"""`make fuzz SEED=1 COUNT=20 JOBS=2`: trials of these seeds; reports/fuzz.jsonl and a summary. docs/fuzzing.md.

SHRINK=yes makes each failing trial plain, KEEP=yes has it tried each night from then on. RECORD=yes keeps the evidence
of those that pass for the fast tests. FAULTS=name,name takes these operators in the place of drawn ones. A seed may be
`tutorial` or `17,bind=tcp`. The return code is 0 where all passed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import local

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import LAYERS

from lab import playbook
from lab.podman import LabError
from tools.fuzz import evidence, regressions
from tools.fuzz.shrink import shrunk
from tools.fuzz.trial import Result, Trial

RAW = Path(__file__).parents[2] / "reports" / "fuzz.jsonl"
INCIDENTS = RAW.with_suffix("")
os.environ.setdefault("ANSIBLE_TIMEOUT", "30")
_THREAD = local()


def seeds(first: str, count: int) -> list[str]:
    """Numbers from the first on; where that is not a number, itself alone. Without one, today's."""
    first = first or str(int(time.time()) % 10**8)
    return [str(int(first) + n) for n in range(count)] if first.isdigit() else [first]


def trial(seed: str, faults: list[str], shrink: bool) -> list[Result]:
    """The result of a seed, and where it failed and that is wanted, of the plainest host that fails so too."""
    result = Trial(_name(), seed, {name: {} for name in faults} or None).run()
    return [result, shrunk(_name(), result)] if shrink and result.failed and result.faults else [result]


def line(result: Result) -> str:
    """One result for the terminal."""
    word = "void" if result.void else "passed" if result.passed else "FAILED " + ",".join(result.failed)
    words = [f"seed {result.seed}: {word} [{', '.join(result.faults)}] {result.seconds:.0f} s"]
    if not result.passed:
        words += [
            f"host: {result.choices}",
            f"parameters: {result.faults}",
            f"right: {result.causes}, {'heals' if result.heals else 'does not heal unasked'}",
            f"came: {result.named} also {result.also} explained {result.explained}",
            f"{result.outcome}: {', '.join(result.actions) or 'no action'}",
            *result.because,
            *result.changed[:5],
            result.void,
        ]
    return "\n    ".join(word for word in words if word)


def summary(results: list[Result]) -> str:
    """How many were right, by what was wrong."""
    judged = [result for result in results if not result.void]
    broken = [result for result in judged if result.faults]
    failed = Counter(name for result in judged for name in result.failed)
    to_heal = [result for result in broken if result.heals]
    mean = sum(result.score for result in broken) / len(broken) if broken else 0.0
    parts = [
        f"{sum(result.passed for result in judged)} of {len(judged)} passed, {len(results) - len(judged)} void",
        f"causes {mean:.2f}",
        f"healed {sum(result.healed for result in to_heal)} of {len(to_heal)}",
        f"harmed {sum(bool(result.changed) for result in judged)}",
        *(f"{name} {count}" for name, count in failed.most_common()),
    ]
    return "; ".join(parts)


def layers(results: list[Result]) -> str:
    """How many of each layer passed, by the layers of their true causes; of two, a result counts for both."""
    asked, passed = Counter[str](), Counter[str]()
    for result in results:
        found = {cause.partition("/")[0] for cause in result.causes} if not result.void else set()
        asked.update(found)
        passed.update(found if result.passed else ())
    return ", ".join(f"{name} {passed[name]} of {asked[name]}" for name in LAYERS if asked[name])


def _name() -> str:
    """A host's name that no other thread uses."""
    if not hasattr(_THREAD, "name"):
        _THREAD.name = f"{os.environ.get('RESCUE502_TEST_HOST', 'fuzz')}-{os.getpid()}-{time.monotonic_ns() % 10**6}"
    return str(_THREAD.name)


def main() -> int:
    """Run, write down, print."""
    wanted = seeds(os.environ.get("SEED", ""), int(os.environ.get("COUNT") or 10))
    faults = [name for name in os.environ.get("FAULTS", "").split(",") if name]
    results: list[Result] = []
    INCIDENTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rescue502-ansible-") as folder:
        playbook.warm_up(Path(folder))
        _run_all(wanted, faults, results)
    print(summary(results), layers(results), sep="\n")
    return 0 if results and all(result.passed for result in results) else 2


def _run_all(wanted: list[str], faults: list[str], results: list[Result]) -> None:
    """Add the results of all seeds, some at a time, each written down and printed when it is there."""
    with ThreadPoolExecutor(int(os.environ.get("JOBS") or 2)) as pool, RAW.open("a", encoding="utf-8") as file:
        jobs = {pool.submit(trial, seed, faults, bool(os.environ.get("SHRINK"))): seed for seed in wanted}
        for job in as_completed(jobs):
            try:
                found = job.result()
            except (LabError, OSError) as error:
                found = [Result(jobs[job], "", void=str(error))]
            results.append(found[0])
            for result in found:
                file.write(json.dumps(result.record()) + "\n")
                if result.failed and result.incident:
                    (INCIDENTS / f"{result.seed}.json").write_text(json.dumps(result.incident), encoding="utf-8")
                print(line(result), flush=True)
            file.flush()
            if os.environ.get("RECORD"):
                evidence.keep(found[0])
            if os.environ.get("KEEP") and found[-1].failed:
                regressions.keep(found[-1])


if __name__ == "__main__":
    sys.exit(main())
