"""docs/promises.md names a test for each promise; the tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(\w+)\.(test_\w+)`", PAGE)


def names_in(module: str) -> set[str]:
    """Names of the tests in the modules of that name, below tests/."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob(f"{module}.py")]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test_that_exists() -> None:
    """A renamed or deleted test takes its promise with it."""
    assert NAMED
    missing = [f"{module}.{name}" for module, name in NAMED if name not in names_in(module)]
    assert missing == []


def test_every_promise_has_a_test() -> None:
    """No row of the table without one."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| promise", "| ---"))]
    assert rows
    assert [row for row in rows if not re.search(r"`\w+\.test_\w+`", row)] == []
