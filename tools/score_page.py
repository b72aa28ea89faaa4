"""docs/own-scenarios.md from results. Pure."""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

OURS = "rescue502"
KINDS = ("alone", "together", "herrings", "controls")


def page(results: Iterable[Any], date: str, jobs: int) -> str:
    """The whole page. results: of tools/score.py, measured `jobs` at a time."""
    found = sorted(results, key=lambda result: (KINDS.index(_kind(result.scenario)), result.scenario))
    names = list(dict.fromkeys([OURS, *(result.contender for result in found)]))
    by_key = {(result.scenario, result.contender): result for result in found}
    ours = [result for result in found if result.contender == OURS]
    only, sooner = _wins(found, {result.scenario: result for result in ours})
    return (
        _environment()
        .get_template("own-scenarios.md.j2")
        .render(
            date=date,
            jobs=jobs,
            cores=os.cpu_count(),
            summary=[_summary(name, [result for result in found if result.contender == name]) for name in names],
            only=only,
            sooner=sooner,
            outcomes={result.scenario: result.outcome for result in ours},
            others=names[1:],
            rows=[
                {
                    "ours": result,
                    "true": [cause for cause in result.named if cause in result.causes],
                    "others": [by_key.get((result.scenario, name)) for name in names[1:]],
                }
                for result in ours
            ],
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"edge": _edge, "word": _word, "median": lambda gains: round(statistics.median(gains), 1)}
    return environment


def line(result: Any) -> str:
    """One result for the terminal."""
    words = [f"{result.scenario} {result.contender}: {_edge(result.well_before)} -> {_edge(result.well_after)}"]
    words.append(f"{result.seconds:.1f} s")
    if result.contender == OURS:
        words += [f"named {', '.join(result.named) or 'nothing'}", result.outcome]
        words += [f"MISSED {result.missed}"] if result.missed else []
    words += [f"WRONG {result.wrong}"] if result.wrong else []
    words += [f"OUTSIDE {result.changed_outside[:3]}"] if result.changed_outside else []
    return ", ".join(words)


def _kind(scenario: str) -> str:
    kind = scenario.partition("/")[0]
    return kind if kind in KINDS else "alone"


def _edge(well: bool) -> str:
    return "well" if well else "broken"


def _summary(name: str, own: list[Any]) -> dict[str, Any]:
    """One contender's row."""
    healed = [result for result in own if result.healed]
    return {
        "name": name,
        "scenarios": len(own),
        "score": round(100 * sum(result.score for result in own) / max(1, len(own))),
        "wrong": sum(len(result.wrong) for result in own),
        "healed": len(healed),
        "broken": sum(not result.well_before for result in own),
        "worse": sum(result.well_before and not result.well_after for result in own),
        "outside": sum(len(result.changed_outside) for result in own),
        "seconds": round(statistics.median(result.seconds for result in healed), 1) if healed else "-",
    }


def _wins(found: list[Any], ours: dict[str, Any]) -> tuple[list[Any], dict[str, list[float]]]:
    """The scenarios that another contender heals and we do not, and by how many seconds one is sooner where both do."""
    only: list[Any] = []
    sooner: dict[str, list[float]] = defaultdict(list)
    for result in found:
        mine = ours.get(result.scenario)
        if mine is None or result.contender == OURS or not result.healed:
            continue
        if not mine.healed:
            only.append(result)
        elif result.seconds < mine.seconds:
            sooner[result.contender].append(mine.seconds - result.seconds)
    return only, dict(sooner)


def _word(result: Any) -> str:
    """Another contender's result."""
    if result is None:
        return "-"
    if result.healed:
        word = "healed"
    elif result.well_before:
        word = "still well" if result.well_after else "broke it"
    else:
        word = "still broken"
    return word + (f", {len(result.changed_outside)} changed outside" if result.changed_outside else "")
