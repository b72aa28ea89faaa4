"""What git says of a checkout, and that asking changes nothing in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from passable import make_passable

NAME = ["-c", "user.name=dev", "-c", "user.email=dev@example.org"]


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A checkout of the account that runs the tests: one commit of four files, one of them with blanks in its name."""
    make_passable(tmp_path)
    top = tmp_path / "shop"
    top.mkdir()
    for name in ("urls.py", "views.py", "forms.py", "read me first.txt"):
        (top / name).write_text(f"# {name}\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "First"]):
        subprocess.run(["git", "-C", str(top), *NAME, *words], check=True)
    return top


def test_what_was_edited(top: Path) -> None:
    """Edits that were added and that were not, an emptied file, and one that was only touched, by their whole names."""
    (top / "urls.py").write_text("urlpatterns = []\n", encoding="utf-8")
    subprocess.run(["git", "-C", str(top), "add", "urls.py"], check=True)
    (top / "read me first.txt").write_text("", encoding="utf-8")
    os.utime(top / "forms.py", (1, 1))
    facts = code.git_facts(str(top))
    assert isinstance(facts, dict)
    assert facts["edited"] == ["read me first.txt", "urls.py"]
    assert facts["emptied"] == [str(top / "read me first.txt")]
    assert (facts["unmerged"], len(facts["head"]), facts["operation"]) == ([], 12, "")


def test_asking_writes_no_index(top: Path) -> None:
    """Its files have other times than it has noted, as after a chown; it keeps owner, mode, content and time."""
    for path in top.glob("*.py"):
        os.utime(path, (1, 1))
    index = top / ".git" / "index"
    index.chmod(0o600)
    before = index.read_bytes(), index.stat()
    code.git_facts(str(top))
    assert (index.read_bytes(), index.stat()) == before
    subprocess.run(["git", "-C", str(top), "status"], check=True, stdout=subprocess.DEVNULL)
    assert index.read_bytes() != before[0], "git itself had something to write"
