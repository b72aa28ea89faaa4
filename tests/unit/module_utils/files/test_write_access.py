"""Who can write an input of a program: judged in folders of this machine, as root."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import write_access

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
NOBODY, DAEMON = 65534, 1


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder of root's with a file, a subfolder and a link in it."""
    folder = tmp_path / "shop"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "one.py").touch()
    (folder / "two.py").touch()
    (folder / "link").symlink_to("two.py")
    return folder


def grant(path: Path) -> None:
    """Let DAEMON write a file by its access list, of which its owner, group and mode show nothing."""
    entries = [(1, 6, 2**32 - 1), (2, 6, DAEMON), (4, 4, 2**32 - 1), (16, 6, 2**32 - 1), (32, 4, 2**32 - 1)]
    value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", value)
    except OSError as error:
        pytest.skip(f"no access lists in this folder: {error}")


def test_what_is_roots_alone_is_open_to_nobody(top: Path) -> None:
    """A file, a tree, what is not there; also where the folder above all is one for everybody, with the sticky bit."""
    assert write_access.first_open([str(top), str(top / "two.py"), str(top / "missing")], 0) == ""
    assert os.stat("/tmp").st_mode & 0o1002 == 0o1002, "tests run below such a folder"


@pytest.mark.parametrize(
    ("opened", "change"),
    [
        (".", lambda path: os.chown(path, NOBODY, -1)),
        ("code", lambda path: os.chown(path, NOBODY, -1)),
        ("code/one.py", lambda path: os.chown(path, NOBODY, -1)),
        ("code/one.py", lambda path: os.chmod(path, 0o666)),
        ("code", lambda path: os.chmod(path, 0o1777)),
        ("code/one.py", lambda path: (os.chown(path, 0, NOBODY), os.chmod(path, 0o664))),
        ("code/one.py", grant),
        ("link", lambda path: os.chown(path, NOBODY, -1, follow_symlinks=False)),
    ],
)
def test_what_others_can_write_is_named(top: Path, opened: str, change: Callable[[Path], object]) -> None:
    """By its owner, its mode, its group, an access list; of a link, by who made it."""
    change(top / opened)
    assert write_access.first_open([str(top)], 0) == os.path.normpath(top / opened)


def test_the_accounts_own_is_open_to_nobody_else(top: Path) -> None:
    """What it owns is its own; what a third one owns is not."""
    os.chown(top / "two.py", DAEMON, DAEMON)
    os.chmod(top / "two.py", 0o664)
    assert write_access.first_open([str(top)], DAEMON) == ""
    assert write_access.first_open([str(top)], NOBODY) == str(top / "two.py")


def test_a_link_is_followed_step_by_step(top: Path, tmp_path: Path) -> None:
    """What it leads to counts, and each folder on the way there; a circle is open."""
    elsewhere = tmp_path / "elsewhere" / "deep"
    elsewhere.mkdir(parents=True)
    (top / "code" / "away").symlink_to("../../elsewhere/deep")
    assert write_access.first_open([str(top)], 0) == ""
    os.chown(elsewhere.parent, NOBODY, -1)
    assert write_access.first_open([str(top)], 0) == str(elsewhere.parent)
    (top / "circle").symlink_to("circle")
    assert write_access.on_the_way(str(top / "circle"), 0) == str(top / "circle")


def test_what_is_missing_where_everybody_can_make_it_is_open(top: Path) -> None:
    """In a folder such as /tmp nobody replaces what is root's, but anybody makes what is not there."""
    top.chmod(0o1777)
    assert write_access.on_the_way(str(top / "two.py"), 0) == ""
    assert write_access.on_the_way(str(top / "missing"), 0) == str(top)
    assert write_access.on_the_way(str(top), 0) == str(top)


def test_what_no_program_reads_counts_for_nothing(top: Path) -> None:
    """The file that uv locks in an environment, which everybody can write; a link in its place counts."""
    lock = top / ".lock"
    lock.touch()
    os.chmod(lock, 0o666)
    assert write_access.first_open([str(top)], 0) == str(lock)
    assert write_access.first_open([str(top)], 0, unread=str(lock)) == ""
    lock.unlink()
    lock.symlink_to(top / "code")
    os.chown(lock, NOBODY, -1, follow_symlinks=False)
    assert write_access.first_open([str(top)], 0, unread=str(lock)) == str(lock)
