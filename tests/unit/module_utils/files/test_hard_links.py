"""A file with other names is touched only where none but its owner can have put this name here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import hard_links


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A file with a second name in the folder `app`, both of this account."""
    (tmp_path / "app").mkdir(mode=0o755)
    (tmp_path / "file").touch()
    os.link(tmp_path / "file", tmp_path / "app" / "file")
    return tmp_path / "app" / "file"


def test_a_second_name_is_seen(linked: Path) -> None:
    """A folder counts its subfolders among its links, and has one name all the same."""
    (linked.parent / "below").mkdir()
    assert hard_links.has_other_names(linked.stat())
    assert not hard_links.has_other_names(linked.parent.stat())
    assert not hard_links.has_other_names(os.stat("/proc"))


def test_its_owner_alone_can_have_put_it_there(linked: Path) -> None:
    """The folder is of the file's owner, and nobody else may write to it."""
    hard_links.require_own_name(str(linked), linked.stat())


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_another_may_have_put_it_there(linked: Path, mode: int) -> None:
    """The folder may be written by its group, or by all."""
    linked.parent.chmod(mode)
    with pytest.raises(OSError, match="same file as one elsewhere"):
        hard_links.require_own_name(str(linked), linked.stat())


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another account")
def test_another_owns_the_folder(linked: Path) -> None:
    """As where the app's user has linked root's file into its own folder."""
    os.chown(linked.parent, 65534, 65534)
    with pytest.raises(OSError, match="same file as one elsewhere"):
        hard_links.require_own_name(str(linked), linked.stat())


def test_a_file_with_one_name_is_where_it_is(linked: Path) -> None:
    """Anybody who may write the folder."""
    linked.parent.chmod(0o777)
    (linked.parent / "own").touch()
    hard_links.require_own_name(str(linked.parent / "own"), (linked.parent / "own").stat())


def test_a_folder_that_took_the_place_of_another_vouches_for_nothing(linked: Path, tmp_path: Path) -> None:
    """A file was opened in one folder; the one that has its name now is its owner's alone, and does not hold it."""
    opened = linked.stat()
    linked.parent.rename(tmp_path / "moved")
    (tmp_path / "app").mkdir(mode=0o755)
    (tmp_path / "app" / "file").touch()
    with pytest.raises(OSError, match="same file as one elsewhere"):
        hard_links.require_own_name(str(linked), opened)
