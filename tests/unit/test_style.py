"""Words that docs/style.md replaces by better ones stand nowhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Those that are wrong in each sentence; others, such as "tells" and "aside", have their place.
WRONG = re.compile(
    r"\b(beside|mend(s|ed|ing)?|riddles?|hindrances?|whoever|for ever|(is|are) told|tell apart|told apart"
    r"|(run|recovery|time|play) is over|start(s|ed)? (the app )?aside|worn"
    r"|is no (approval|address|time|number|valid))\b",
    re.IGNORECASE,
)
# Pages that are made, or that speak of words, have them from elsewhere.
TEXTS = re.compile(r"\.(py|md|yml|yaml|j2|sh|toml)$|Makefile$")
ELSEWHERE = (
    "docs/failure-modes/", "docs/style.md", "docs/blind-trials.md", "docs/own-scenarios.md", "docs/chaos.md",
    "CHANGELOG", "changelogs/", "tests/evidence/", "tests/unit/test_style.py",
)  # fmt: skip


def files() -> list[str]:
    """The files of the project that git knows. Skips where this is no checkout."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout")
    return [name for name in done.stdout.splitlines() if TEXTS.search(name) and not name.startswith(ELSEWHERE)]


def test_no_word_that_the_style_replaces() -> None:
    """In messages, comments, docs and names alike."""
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in files()
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
        if WRONG.search(line)
    ]
    assert found == []
