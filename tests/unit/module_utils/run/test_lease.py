"""A lease: the lock's file in the hands of a program that is not rescue502's."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers, run_lock
from ansible_collections.rescue502.django.plugins.module_utils.run.run_lock import Lock

# A program that inherits the lock's file, and one that does not, as docs/alerts.md has it.
HELD = {"inherited": [], "closed": ["--close"]}


@pytest.fixture(params=HELD)
def deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[bytes]]:
    """A deployment under flock(1)."""
    monkeypatch.setattr(run_lock, "FOLDER", str(tmp_path))
    monkeypatch.setattr(leftovers, "TEMPORARY", str(tmp_path / "tmp"))
    # The tests' own process keeps its name.
    monkeypatch.setattr(run_lock, "set_process_name", lambda _name: None)
    process = subprocess.Popen(["flock", *HELD[request.param], str(tmp_path / "lock"), "timeout", "60", "sleep", "60"])
    until = time.monotonic() + 10
    while _lock().other().get("lease") != "sleep":
        assert time.monotonic() < until, "the deployment has the lock"
        time.sleep(0.02)
    yield process
    subprocess.run(["pkill", "-P", str(process.pid)], check=False)
    process.wait(10)


def _lock() -> Lock:
    return Lock("20260131T120000Z-ab12cd", "web1", {})


def test_a_lease_is_named_and_not_taken(deployment: subprocess.Popen[bytes]) -> None:
    """By the program, and immediately: what an earlier run has left in the file is not who has it."""
    assert (deployment.poll(), _lock().holder()) == (None, {})
    begun = time.monotonic()
    holder, waited = _lock().take("", 60)
    assert holder["lease"] == "sleep"
    assert holder["pid"] != deployment.pid
    assert time.time() - holder["since"] < 60
    assert max(waited, time.monotonic() - begun) < 2
    assert _lock().other()["lease"] == "sleep"


def test_a_lease_ends_with_its_program(deployment: subprocess.Popen[bytes]) -> None:
    """However it ends."""
    os.kill(_lock().other()["pid"], signal.SIGKILL)
    deployment.wait(10)
    assert _lock().other() == {}
    assert not _lock().is_held()
