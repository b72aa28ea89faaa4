"""As root nothing runs that others can write: the program, its environment, the folder it starts in, its inputs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import commands

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes others")
NOBODY = 65534
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment of root's with a program in it."""
    for parent in [tmp_path, *tmp_path.parents][:-2]:
        parent.chmod(0o755)
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    (folder / "bin" / "id").symlink_to("/usr/bin/id")
    return folder


@pytest.mark.parametrize("place", ["bin", "pyvenv.cfg", "."])
def test_a_program_that_others_can_write_is_not_run_as_root(venv: Path, place: str) -> None:
    """Nor one of which they can write what it imports; its owner may run it."""
    words = [str(venv / "bin" / "id"), "-u"]
    assert commands.run_as("root", None, words, ENVIRONMENT, "/", 5).stdout == "0\n"
    os.chown(venv / place, NOBODY, -1)
    done = commands.run_as("root", None, words, ENVIRONMENT, "/", 5)
    assert (done.returncode, "id is not run as root: others can write" in done.stderr) == (-1, True)
    assert commands.run_as("nobody", None, words, ENVIRONMENT, "/", 5).stdout == f"{NOBODY}\n"


def test_a_folder_and_an_input_count_too(tmp_path: Path) -> None:
    """The folder that it starts in; a file that it is configured to read; by any account that is root."""
    (tmp_path / "input").touch()
    given = [str(tmp_path / "input")]
    assert commands.refusal("root", "id", ENVIRONMENT, str(tmp_path), given) == ""
    os.chown(tmp_path / "input", NOBODY, -1)
    assert str(tmp_path / "input") in commands.refusal("root", "id", ENVIRONMENT, str(tmp_path), given)
    assert str(tmp_path / "input") in commands.refusal("0", "id", ENVIRONMENT, "/", given)
    os.chown(tmp_path, NOBODY, -1)
    assert str(tmp_path) in commands.refusal("root", "id", ENVIRONMENT, str(tmp_path), [])
    assert commands.refusal("nobody", "id", ENVIRONMENT, str(tmp_path), given) == ""


def test_a_program_is_looked_for_where_it_will_be(tmp_path: Path) -> None:
    """In the PATH that it gets."""
    (tmp_path / "id").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "id").chmod(0o755)
    os.chown(tmp_path / "id", NOBODY, -1)
    assert str(tmp_path / "id") in commands.refusal("root", "id", {"PATH": f"{tmp_path}:/usr/bin"}, "/", [])


def test_a_folder_is_entered_as_the_account(tmp_path: Path, venv: Path) -> None:
    """Where root alone may enter, what is in it stays closed, though everybody could read it there."""
    (venv / "open.txt").write_text("of root", encoding="utf-8")
    read = ["cat", "open.txt"]
    assert commands.run_as("nobody", None, read, ENVIRONMENT, str(venv), 5).stdout == "of root"
    tmp_path.chmod(0o700)
    done = commands.run_as("nobody", None, read, ENVIRONMENT, str(venv), 5)
    assert (done.stdout, done.returncode != 0) == ("", True)
    os.chown(tmp_path, NOBODY, -1)
    assert commands.run_as("nobody", None, read, ENVIRONMENT, str(venv), 5).stdout == "of root"
    missing = commands.run_as("nobody", None, ["/nowhere/python"], ENVIRONMENT, str(venv), 5)
    assert (missing.returncode, "No such file" in missing.stderr) == (-1, True)
