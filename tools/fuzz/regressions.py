"""Trials that failed once and are tried each night from then on: tests/fuzz/regressions.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.fuzz.trial import Result

PATH = Path(__file__).parents[2] / "tests" / "fuzz" / "regressions.json"


def load() -> list[dict[str, Any]]:
    """Each with its `seed`, its `faults` (operators with their parameters) and `because`, what was wrong once."""
    found: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))
    return found


def keep(result: Result) -> None:
    """Add a failed trial, once."""
    kept = load()
    because = f"{', '.join(result.failed)}: came {', '.join(result.named) or 'nothing'} ({result.outcome})"
    if all((one["seed"], one["faults"]) != (result.seed, result.faults) for one in kept):
        kept.append({"seed": result.seed, "faults": result.faults, "because": because})
        PATH.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
