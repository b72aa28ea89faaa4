"""Write docs/failure-modes.md from the catalogue, so that no fact stands in two places."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import load  # noqa: E402

TARGET = ROOT / "docs" / "failure-modes.md"
HEAD = """# Failure modes

Made by `python tests/make_docs.py` from `failures/`; `rescue502 explain <id>` says more of each. Risk: *safe* is mended
unasked, *ask* where approved by name, *never* is explained for a person. Each is proved on a real host by
`tests/hosts/test_failure_modes.py`.

| failure mode | what it is | risk | remedy |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The page, as it should be."""
    rows = []
    for mode in load().modes.values():
        remedy = ", then ".join(filter(None, (mode.remedy, *mode.then))) or "-"
        note = " (a symptom, never a cause)" if mode.symptom else ""
        rows.append(f"| `{mode.id}` | {mode.title}{note} | {mode.risk} | {remedy} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
