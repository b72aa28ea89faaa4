"""Files that are written into a folder which others may rearrange: whole, in one step, through no link."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files.directory_handle import OpenFolder

OWNER = (os.geteuid(), os.getegid())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[OpenFolder]:
    """An empty folder, open."""
    with contextlib.closing(OpenFolder(os.path.realpath(tmp_path))) as opened:
        yield opened


def test_a_file_is_written_with_its_owner_mode_and_time(folder: OpenFolder, tmp_path: Path) -> None:
    """Nothing else is left in the folder."""
    folder.write("a", b"new", OWNER, 0o640, changed=10**18)
    status = (tmp_path / "a").stat()
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777, status.st_mtime_ns) == (*OWNER, 0o640, 10**18)
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_is_replaced_and_not_followed(folder: OpenFolder, tmp_path: Path) -> None:
    """What it led to stays as it was."""
    (tmp_path / "elsewhere").write_bytes(b"kept")
    (tmp_path / "a").symlink_to("elsewhere")
    folder.write("a", b"new", OWNER, 0o600)
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"


def test_what_has_the_name_stays_where_it_is_not_to_be_replaced(folder: OpenFolder, tmp_path: Path) -> None:
    """FileExistsError, and no staging file is left; a dangling link counts as something."""
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").symlink_to("nowhere")
    for name in ("a", "b"):
        with pytest.raises(FileExistsError):
            folder.write(name, b"new", OWNER, 0o600, replace=False)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_write_that_fails_leaves_nothing(folder: OpenFolder, tmp_path: Path) -> None:
    """A folder that has the name cannot be replaced by a file."""
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        folder.write("a", b"new", OWNER, 0o600)
    assert os.listdir(tmp_path) == ["a"]
