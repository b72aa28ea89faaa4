"""What docs/testing.md says of each change's tests is so: no remedy and no promise is shown at night alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from lab.scenario import load

ROOT = Path(__file__).parents[2]
# Nothing is left of a host to compare: its own test boots one anew.
NOT_IN_A_SCENARIO = {"reboot"}


def at_each_change() -> set[str]:
    """The tests, as `module.test`, that run at each change, at least with some of their parameters."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(
            isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node) and "mark.nightly" in ast.unparse(node)
            for node in tree.body
        ):
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [ast.unparse(item) for item in node.decorator_list]
                if "pytest.mark.nightly" not in marks and not any("each_change(of=" in mark for mark in marks):
                    found.add(f"{path.stem}.{node.name}")
    return found


def test_each_remedy_runs_at_each_change() -> None:
    """In a scenario of several causes, with a second run and an undo."""
    run = {remedy for scenario in load("together") if not scenario.nightly for remedy in scenario.remedies}
    assert {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()} - NOT_IN_A_SCENARIO - run == set()


def test_each_promise_is_shown_at_each_change() -> None:
    """By at least one of the tests that docs/promises.md names for it."""
    known = at_each_change()
    assert "test_scenarios.test_causes_together" in known, "the test finds tests"
    rows = [
        line for line in (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").splitlines() if "`test_" in line
    ]
    only_at_night = [row for row in rows if not known & set(re.findall(r"`(test_\w+\.test_\w+)`", row))]
    assert only_at_night == []
