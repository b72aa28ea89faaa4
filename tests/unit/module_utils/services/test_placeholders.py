"""Tracked files in whose place a pointer of Git LFS lies, or nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from ansible_collections.rescue502.django.plugins.module_utils.services import placeholders
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout
from passable import make_passable

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "7" * 64 + "\nsize 63410\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A checkout of the account that runs the tests: two files by LFS, one of which is there, and three others."""
    make_passable(tmp_path)
    top = tmp_path / "shop"
    (top / "data").mkdir(parents=True)
    (top / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    for name in ("data/zones.bin", "rates.bin", "pointer.txt"):
        (top / name).write_text(POINTER)
    (top / "urls.py").write_text("urlpatterns = []\n")
    (top / "empty.py").write_text("")
    git("init", "-q", top=top)
    git("add", "-A", top=top)
    git("commit", "-qm", "First", top=top)
    (top / "rates.bin").write_bytes(b"\x80\x04rates")
    return top


def git(*words: str, top: Path) -> None:
    """git in the checkout; its filters are not there."""
    name = ["-c", "user.name=dev", "-c", "user.email=dev@example.org"]
    subprocess.run(["git", "-C", str(top), *name, *words], check=True)


def test_pointers(top: Path) -> None:
    """What git keeps by its filter, and has no content of its own here; no text that looks like one."""
    assert placeholders.pointers(Checkout(str(top))) == [str(top / "data/zones.bin")]
    assert code.git_facts(str(top)).get("emptied", []) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 300])
def test_emptied_files(top: Path, content: bytes) -> None:
    """Not one that the commit has empty, too."""
    (top / "urls.py").write_bytes(content)
    os.utime(top / "empty.py", (1, 1))
    assert code.git_facts(str(top))["emptied"] == [str(top / "urls.py")]


def test_a_link_is_not_followed(top: Path) -> None:
    """What it leads to is not the checkout's."""
    (top / "urls.py").unlink()
    (top / "urls.py").symlink_to("empty.py")
    (top / "data/zones.bin").unlink()
    (top / "data/zones.bin").symlink_to("../pointer.txt")
    found = code.git_facts(str(top))
    assert "emptied" not in found
    assert "pointers" not in found


def test_no_checkout_of_ours(top: Path) -> None:
    """Where git fails nothing is said."""
    (top / ".git/index").write_bytes(b"no index")
    found = code.git_facts(str(top))
    assert "emptied" not in found
    assert "pointers" not in found


def test_no_commit_is_taken_back_that_a_filter_writes(top: Path) -> None:
    """git without its filters would write the pointer over the file."""
    (top / "urls.py").write_text("urlpatterns = [1]\n")
    git("commit", "-qm", "Second", "urls.py", top=top)
    assert Checkout(str(top)).objection_to_filters("HEAD~1") == ""
    (top / "data/zones.bin").write_text(POINTER.replace("7", "8"))
    git("commit", "-qm", "Third", "data/zones.bin", top=top)
    assert Checkout(str(top)).objection_to_filters("HEAD~1") == "", "on the disk there is a pointer already"
    (top / "data/zones.bin").write_bytes(b"zones")
    wanted = "git keeps data/zones.bin by the filter lfs, which is not run here"
    assert Checkout(str(top)).objection_to_filters("HEAD~1") == wanted
