"""What an installation obeys besides the file of requirements, and as whom it runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import requirements

NOBODY = 65534


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app's folder, with requirements in several files and a package of its own."""
    for name in ("more/base.txt", "more/next.txt", "limits.txt", "evil/setup.py", "django/x.py", "requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("django==4.2  # ./evil", ["django"]),
        ("-r more/base.txt", ["more/base.txt"]),
        ("-rmore/base.txt", ["more/base.txt"]),
        ("--requirement=more/base.txt", ["more/base.txt"]),
        ("-c limits.txt", ["limits.txt"]),
        ("-e ./evil[x]", ["./evil"]),
        ("./evil ; python_version > '3'", ["./evil"]),
        ("evil @ file://{}/evil", ["{}/evil", "evil"]),
        ("evil @ file://{}/%65vil", ["{}/evil", "evil"]),
        ("--find-links more", ["more"]),
        ("slugify>=1,<2", []),
    ],
)
def test_what_a_line_names(app: Path, line: str, named: list[str]) -> None:
    """Every word that is a path counts, whatever the option."""
    path = app / "requirements.txt"
    path.write_text(line.format(app) + "\n", encoding="utf-8")
    wanted = {os.path.normpath(app / name.format(app)) for name in named}
    found = {os.path.normpath(item) for item in requirements.inputs(str(path))}
    assert found == wanted | {str(path)}


def test_files_that_files_include(app: Path) -> None:
    """However deep, and in a circle."""
    (app / "requirements.txt").write_text("-r more/base.txt\n", encoding="utf-8")
    (app / "more" / "base.txt").write_text("-r next.txt\n", encoding="utf-8")
    (app / "more" / "next.txt").write_text("-r ../requirements.txt\n-e ../evil\n", encoding="utf-8")
    found = {os.path.normpath(item) for item in requirements.inputs(str(app / "requirements.txt"))}
    assert {str(app / name) for name in ("more/base.txt", "more/next.txt", "evil")} <= found


def test_too_much_is_not_judged(app: Path) -> None:
    """Rather than half of it."""
    (app / "requirements.txt").write_text("#" * 2**21, encoding="utf-8")
    with pytest.raises(ValueError, match="too much to be judged"):
        requirements.inputs(str(app / "requirements.txt"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_as_whom_something_is_installed(app: Path) -> None:
    """As root, and as anybody who is not the app's user, only what nobody else can write."""
    venv, path = str(app / "venv"), str(app / "requirements.txt")
    os.mkdir(venv)
    assert requirements.objection_to_account("root", "nobody", venv, path) == ""
    os.chown(path, NOBODY, -1)
    why = f"the environment is root's, and others can write {path}: nothing is run as root"
    assert requirements.objection_to_account("root", "nobody", venv, path) == why
    assert requirements.objection_to_account("root", "root", venv, path) == why, "an app that runs as root"
    assert "nothing is run as daemon" in requirements.objection_to_account("daemon", "nobody", venv, path)
    assert requirements.objection_to_account("nobody", "nobody", venv, path) == ""
