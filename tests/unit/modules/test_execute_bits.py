"""Execute bits: the least change of one file, which nobody can exchange for another one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.modules import execute_bits


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program without any execute bit."""
    path = tmp_path / "bin" / "gunicorn"
    path.parent.mkdir(mode=0o755)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o644)
    return path


def mode(path: Path) -> int:
    """A file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("before", "after"), [(0o644, 0o755), (0o640, 0o750), (0o600, 0o700), (0o604, 0o705), (0o755, 0o755), (0, 0o100)]
)
def test_whoever_may_read_it_may_execute_it(program: Path, before: int, after: int) -> None:
    """The others gain nothing where they could not even read; a second time there is nothing to do."""
    program.chmod(before)
    check = execute_bits.add(str(program), True)
    assert (mode(program), check["changed"], check["after"]) == (before, before != after, f"{after:04o}")
    assert execute_bits.add(str(program), False)["changed"] == (before != after)
    assert mode(program) == after
    assert execute_bits.add(str(program), False)["changed"] is False


def test_a_set_user_id_program_is_left_alone(program: Path) -> None:
    """With its execute bits it would be its owner, no matter who starts it."""
    program.chmod(0o4644)
    with pytest.raises(ValueError, match="as its owner or group"):
        execute_bits.add(str(program), False)
    assert mode(program) == 0o4644


def test_what_is_no_file_is_left_alone(program: Path) -> None:
    """A folder, and a FIFO at which an open would hang."""
    with pytest.raises(ValueError, match="not a file"):
        execute_bits.add(str(program.parent), False)
    os.mkfifo(program.parent / "fifo", 0o644)
    with pytest.raises(OSError, match="neither a file nor a folder"):
        execute_bits.add(str(program.parent / "fifo"), False)


def test_a_hard_link_in_a_folder_of_others_is_left_alone(program: Path, tmp_path: Path) -> None:
    """Others can write the folder, so that they can have linked anybody's file into it."""
    (tmp_path / "shadow").touch(mode=0o640)
    program.unlink()
    os.link(tmp_path / "shadow", program)
    program.parent.chmod(0o777)
    with pytest.raises(OSError, match="same file as one elsewhere"):
        execute_bits.add(str(program), False)
    assert mode(tmp_path / "shadow") == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a link to another account")
@pytest.mark.parametrize("name", ["bin", "bin/gunicorn"])
def test_a_link_of_others_is_not_followed(program: Path, tmp_path: Path, name: str) -> None:
    """Neither in the place of the program nor in that of a folder above it."""
    (tmp_path / "way").mkdir()
    app = tmp_path / "way" / name
    app.parent.mkdir(exist_ok=True)
    app.symlink_to(tmp_path / name)
    os.chown(app, 65534, 65534, follow_symlinks=False)
    with pytest.raises(PermissionError, match="made by uid 65534"):
        execute_bits.add(str(tmp_path / "way" / "bin" / "gunicorn"), False)
    assert mode(program) == 0o644
