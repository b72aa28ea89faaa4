"""Tests that share a host stay on one worker: without an effect of the mark, each worker boots a host of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest
pytestmark = pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(4))
def test_worker(worker_id, number):
    print("ran on", worker_id)
"""


def test_a_group_stays_on_one_worker(tmp_path: Path) -> None:
    """As the Makefile runs them. pytest 9.2 with pytest-xdist 3.8 took no notice of groups."""
    (tmp_path / "test_group.py").write_text(TESTS, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-rP", "-p", "no:cacheprovider"]
    done = subprocess.run([*words, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path)
    workers = [line for line in done.stdout.splitlines() if line.startswith("ran on")]
    assert len(workers) == 4, done.stdout + done.stderr
    assert len(set(workers)) == 1
