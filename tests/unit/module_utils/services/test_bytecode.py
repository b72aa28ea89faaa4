"""Stale bytecode: only what Python would run in place of another source, and what it makes anew."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import bytecode

MODES = py_compile.PycInvalidationMode


def compiled(source: Path, mode: MODES, text: str = "old = 1\n") -> Path:
    """Bytecode of this text, in the place of the source's; then the source says something else."""
    source.write_text(text, encoding="utf-8")
    path = Path(py_compile.compile(str(source), doraise=True, invalidation_mode=mode) or "")
    source.write_text("new = 2\n", encoding="utf-8")
    assert path.exists()
    return path


def stale(root: Path, *exclude: Path) -> list[str]:
    """The paths of what is stale."""
    found = bytecode.stale(str(root), [str(path) for path in exclude], 100)
    return [os.path.relpath(item["path"], root) for item in found]


def test_only_what_python_would_run(tmp_path: Path) -> None:
    """What is marked never to be compared, and differs; Python compares times and checked hashes itself."""
    wrong = compiled(tmp_path / "wrong.py", MODES.UNCHECKED_HASH)
    compiled(tmp_path / "checked.py", MODES.CHECKED_HASH)
    compiled(tmp_path / "timed.py", MODES.TIMESTAMP)
    compiled(tmp_path / "same.py", MODES.UNCHECKED_HASH, "new = 2\n")
    assert stale(tmp_path) == [str(wrong.relative_to(tmp_path))]
    assert stale(tmp_path, wrong.parent) == []


@pytest.mark.parametrize("place", ["lost.pyc", "__pycache__/lost.cpython-311.pyc", "lost.cpython-311.pyc"])
def test_an_only_copy_is_never_stale(tmp_path: Path, place: str) -> None:
    """Whatever its place, and whatever Python makes of it there."""
    made = compiled(tmp_path / "lost.py", MODES.UNCHECKED_HASH)
    shutil.copy(made, tmp_path / "kept")
    (tmp_path / "lost.py").unlink()
    made.unlink()
    (tmp_path / place).parent.mkdir(exist_ok=True)
    shutil.move(tmp_path / "kept", tmp_path / place)
    assert stale(tmp_path) == []


def test_what_is_next_to_its_source_is_not_loaded(tmp_path: Path) -> None:
    """Python takes the source there."""
    made = compiled(tmp_path / "module.py", MODES.UNCHECKED_HASH)
    shutil.move(made, tmp_path / "module.pyc")
    assert stale(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"\x00" * 8, b"\x00" * 400])
def test_what_another_python_made_is_not_known(tmp_path: Path, content: bytes) -> None:
    """Cut short, or of another version: Python makes it anew by itself, or another one's hash is not ours to judge."""
    made = compiled(tmp_path / "module.py", MODES.UNCHECKED_HASH)
    made.write_bytes(content)
    assert stale(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="git is run as the checkout's owner")
def test_what_git_tracks_stays(tmp_path: Path) -> None:
    """And so does all of it where git cannot be asked."""
    tracked, stray = (compiled(tmp_path / name, MODES.UNCHECKED_HASH) for name in ("tracked.py", "stray.py"))
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-f", "tracked.py", str(tracked)], check=True)
    assert stale(tmp_path) == [str(stray.relative_to(tmp_path))]
    (tmp_path / ".git" / "HEAD").unlink()
    assert stale(tmp_path) == []
