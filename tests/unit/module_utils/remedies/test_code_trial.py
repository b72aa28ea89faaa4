"""A commit's worktree for a trial: what is not git's is linked into it, and nothing of it is left."""

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


def test_the_worktree_of_a_commit(top: Path) -> None:
    """It has that commit's code, and the checkout's other files but bytecode; the checkout is as it was."""
    stack: Any = SimpleNamespace(user=pwd.getpwuid(os.geteuid()).pw_name, group="")
    with code_trial._worktree(Checkout(str(top)), "HEAD~1", stack) as tree:
        there = Path(tree)
        assert (there / "shop" / "code.py").read_text(encoding="utf-8") == "VERSION = 1\n"
        assert (there / ".env").resolve() == top / ".env"
        assert (there / "shop" / "local.py").resolve() == top / "shop" / "local.py"
        assert not (there / "shop" / "__pycache__").exists()
    assert not there.parent.exists()
    assert not (top / ".git" / "worktrees").exists()
    assert (top / "shop" / "code.py").read_text(encoding="utf-8") == "VERSION = 2\n"
