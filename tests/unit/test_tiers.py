"""What docs/testing.md says of each change's tests is so: no remedy and no promise is shown at night alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from lab.scenario import load

ROOT = Path(__file__).parents[2]
# Nothing is left of a host to compare: its own test boots one anew.
NOT_IN_A_SCENARIO = {"reboot"}


def at_each_change() -> set[str]:
    """The tests, as `module.test`, that run at each change, at least with some of their parameters."""
    # Marks stand at modules, tests and parameters: of hosts' tests, pytest itself says what is left.
    asked = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", "not nightly"]
    listed = subprocess.run([*asked, "tests/hosts"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {f"{module}.{test}" for module, test in re.findall(r"^tests/hosts/(\w+)\.py::(\w+)", listed, re.MULTILINE)}
    # No other test has that mark.
    for path in [*(ROOT / "tests" / "unit").rglob("test_*.py"), *(ROOT / "tests" / "controller").rglob("test_*.py")]:
        names = re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {f"{path.stem}.{name}" for name in names}
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
