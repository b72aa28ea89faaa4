"""Evidence that generated hosts gave: tests/fuzz/evidence/<operators>.json.gz, one of each kind, for the fast tests."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load as load_catalogue
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings
from tools.fuzz.trial import Result, score

FOLDER = Path(__file__).parents[2] / "tests" / "fuzz" / "evidence"


@dataclass(frozen=True)
class Recorded:
    """The first look at a seed's host that these operators have broken. causes: those that are right."""

    seed: str
    faults: list[str]
    causes: list[str]
    evidence: dict[str, Any]

    def named(self) -> list[str]:
        """The causes that the diagnosis names today."""
        return [finding.id for finding in diagnose(self.evidence, load_catalogue()).root_causes]

    def is_right(self) -> bool:
        """Whether these are the causes, and no other."""
        return score(self.causes, self.named()) == 1


def names() -> list[str]:
    """The kinds that are kept."""
    return sorted(path.name.removesuffix(recordings.SUFFIX) for path in FOLDER.glob(f"*{recordings.SUFFIX}"))


def load(name: str) -> Recorded:
    """One of names()."""
    return Recorded(**json.loads(gzip.decompress((FOLDER / f"{name}{recordings.SUFFIX}").read_bytes())))


def keep(result: Result) -> bool:
    """Keep what a trial that passed has seen; not where only a later look has shown all of its causes."""
    if not result.passed or not result.faults or not result.incident:
        return False
    evidence = recordings.slim(dict(result.incident["evidence"]))
    recorded = Recorded(result.seed, list(result.faults), result.causes, evidence)
    if not recorded.is_right():
        return False
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(vars(recorded), sort_keys=True, ensure_ascii=False)
    (FOLDER / f"{'-and-'.join(recorded.faults)}{recordings.SUFFIX}").write_bytes(gzip.compress(text.encode(), mtime=0))
    return True
