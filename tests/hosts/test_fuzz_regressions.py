"""Generated hosts and faults that came out wrong once, and the tutorials' host, whole (docs/fuzzing.md)."""

from __future__ import annotations

from typing import Any

import names
import pytest

from tools.fuzz import regressions
from tools.fuzz.trial import Trial

pytestmark = pytest.mark.nightly
# What the tutorials' host is broken with: its home folder, its database, its socket.
TUTORIAL = ["way-closed", "database-stopped", "upstream-socket-wrong"]


def name_of(worker_id: str) -> str:
    """A host for this worker alone."""
    return names.of(worker_id, "fuzz")


@pytest.mark.parametrize("kept", regressions.load(), ids=lambda one: f"{one['seed']} {' '.join(one['faults'])}")
def test_kept(kept: dict[str, Any], worker_id: str) -> None:
    """What failed once passes."""
    result = Trial(name_of(worker_id), kept["seed"], kept["faults"]).run()
    assert result.passed, result.record()


@pytest.mark.parametrize("fault", TUTORIAL)
def test_tutorial(fault: str, worker_id: str) -> None:
    """The tutorials' host is healthy as it is, and right when it is broken."""
    result = Trial(name_of(worker_id), "tutorial", {fault: {}}).run()
    assert result.passed, result.record()
