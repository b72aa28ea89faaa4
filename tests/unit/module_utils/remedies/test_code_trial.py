"""A commit's files for a trial: what is not git's is linked into it, and nothing of it is left."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.remedies import code_trial
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout

ERROR = {"type": "RuntimeError", "file": "/srv/shop/code.py", "line": 7}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A checkout of two commits, with files in it that are not git's."""
    top = tmp_path / "shop"
    top.mkdir()
    git = ["git", "-C", str(top), "-c", "user.name=dev", "-c", "user.email=dev@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    for number in (1, 2):
        (top / "shop").mkdir(exist_ok=True)
        (top / "shop" / "code.py").write_text(f"VERSION = {number}\n", encoding="utf-8")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", str(number)], check=True)
    (top / ".env").write_text("KEY=1\n", encoding="utf-8")
    (top / "shop" / "local.py").write_text("LOCAL = 1\n", encoding="utf-8")
    (top / "shop" / "__pycache__").mkdir()
    (top / "shop" / "__pycache__" / "code.pyc").touch()
    return top


def files(top: Path) -> dict[str, bytes]:
    """All files of a folder with their content."""
    return {str(path): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


def test_the_tree_of_a_commit(top: Path) -> None:
    """It has that commit's code, and the checkout's other files but bytecode; the checkout is as it was."""
    before = files(top)
    stack: Any = SimpleNamespace(user=pwd.getpwuid(os.geteuid()).pw_name, group="")
    with code_trial._tree_of(Checkout(str(top)), "HEAD~1", stack) as tree:
        there = Path(tree)
        assert (there / "shop" / "code.py").read_text(encoding="utf-8") == "VERSION = 1\n"
        assert (there / ".env").resolve() == top / ".env"
        assert (there / "shop" / "local.py").resolve() == top / "shop" / "local.py"
        assert not (there / "shop" / "__pycache__").exists()
    assert not there.parent.exists()
    assert files(top) == before, "neither the checkout nor .git has changed"


@pytest.mark.parametrize(
    ("good", "edits", "found"),
    [
        # Of nine commits, the newest first, which load; whether there are edits; (loads, back, first that fails).
        ({1, 2, 3, 4, 5, 6, 7, 8}, False, ("8", 1, "9")),
        ({3, 4, 5, 6, 7, 8}, False, ("6", 3, "7")),
        ({8}, False, ("1", 8, "2")),
        ({7, 8}, False, ("2", 7, "3")),
        ({0, 1, 2}, True, ("9", 0, None)),
        ({2, 3, 4, 5, 6, 7, 8}, True, ("7", 2, "8")),
        (set(), False, ("", 0, None)),
    ],
)
def test_the_first_commit_that_fails(
    top: Path, monkeypatch: pytest.MonkeyPatch, good: set[int], edits: bool, found: tuple[str, int, str | None]
) -> None:
    """It is found by trying few of them."""
    git = ["git", "-C", str(top), "-c", "user.name=dev", "-c", "user.email=dev@example.org"]
    for number in range(3, 10):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", str(number)], check=True)
    named = subprocess.run([*git, "log", "--format=%h"], check=True, capture_output=True, text=True).stdout.split()
    tried: list[int] = []
    raised = "RuntimeError"

    def objection(_checkout: Checkout, commit: str, _stack: Any, _seconds: float) -> str:
        tried.append(named.index(commit))
        return "" if named.index(commit) in good else f"{raised} in code.py:{len(tried)}"

    monkeypatch.setattr(code_trial, "objection", objection)
    stack: Any = None
    result = code_trial.search(Checkout(str(top)), stack, ERROR, edits, 9.0)
    loads, back, first = found
    assert result["loads"] == (named[9 - int(loads)] if loads else "")
    assert (result["back"], result.get("first", {}).get("subject")) == (back, first)
    assert (result["edits"], result["problem"]) == (edits and 0 in good, "")
    assert len(tried) == result["tried"] <= 5
    if not edits:
        assert 0 not in tried, "that it fails is known"
    assert result["alike"]
    raised = "ImportError"
    assert code_trial.search(Checkout(str(top)), stack, ERROR, edits, 9.0)["alike"] is (
        good >= {0} or good >= set(range(1, 9))
    )
    late = code_trial.search(Checkout(str(top)), stack, ERROR, edits, 0.0)
    assert late["tried"] == 1
