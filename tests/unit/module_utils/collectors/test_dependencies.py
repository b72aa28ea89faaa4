"""A virtual environment and the Python it was made for, by what venv, virtualenv and uv write; its requirements."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import dependencies
from ansible_collections.rescue502.django.plugins.module_utils.services import requirements_files

VENV = """home = /usr/bin
include-system-site-packages = false
version = 3.11.2
executable = /usr/bin/python3.11
command = /usr/bin/python3 -m venv /srv/shop/venv
"""
VIRTUALENV = """home = /usr/bin
implementation = CPython
version_info = 3.11.2.final.0
virtualenv = 20.17.1+ds
include-system-site-packages = false
base-prefix = /usr
"""
UV = """home = /usr/bin
implementation = CPython
uv = 0.9.5
version_info = 3.11.2
include-system-site-packages = false
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [(VENV, "3.11.2"), (VIRTUALENV, "3.11.2.final.0"), (UV, "3.11.2"), ("home = /usr/bin\nuv = 0.9.5\n", ""), ("", "")],
)
def test_the_python_it_was_made_with(text: str, expected: str) -> None:
    """Not the version of the tool that made it."""
    assert dependencies.parse_made_for(text) == expected


class App:
    """A checkout with a virtual environment for Python 3.11."""

    def __init__(self, folder: Path) -> None:
        self.root, self.venv = folder / "shop", folder / "shop" / "venv"
        self.site = self.venv / "lib" / "python3.11" / "site-packages"
        self.site.mkdir(parents=True)
        (self.venv / "bin").mkdir()
        (self.venv / "pyvenv.cfg").write_text(VENV, encoding="utf-8")
        self.leads_to(folder / "python3.11").touch()
        self.requirements = requirements_files.Choice(paths=[], proved=False)

    def leads_to(self, python: Path) -> Path:
        """Its Python becomes a link to this one."""
        link = self.venv / "bin" / "python3"
        link.unlink(missing_ok=True)
        link.symlink_to(python)
        return python

    def stack(self, venv: str = "") -> Any:
        """The app as it is discovered."""
        return SimpleNamespace(
            root=str(self.root), venv=venv or str(self.venv), requirements=self.requirements, requirements_given=""
        )


@pytest.fixture
def app(tmp_path: Path) -> App:
    """An app whose environment is whole."""
    return App(tmp_path)


def test_an_environment_that_is_whole(app: App, tmp_path: Path) -> None:
    """pip is not a part of each."""
    found = dependencies.collect(app.stack())["venv"]
    assert (found["exists"], found["python_exists"], found["dangling"], found["mismatch"]) == (True, True, False, False)
    assert (found["made_for"], found["libraries_for"], found["has_pip"]) == ("3.11.2", ["3.11"], False)
    assert found["target"] == str(tmp_path / "python3.11")
    (app.site / "pip").mkdir()
    assert dependencies.collect(app.stack())["venv"]["has_pip"] is True


def test_an_upgrade_of_the_system(app: App, tmp_path: Path) -> None:
    """Its Python is another minor version now, or has gone."""
    app.leads_to(tmp_path / "python3.13").touch()
    found = dependencies.collect(app.stack())["venv"]
    assert (found["dangling"], found["mismatch"]) == (False, True)
    app.leads_to(tmp_path / "python3.9")
    found = dependencies.collect(app.stack())["venv"]
    assert (found["exists"], found["python_exists"], found["dangling"]) == (True, False, True)


def test_an_environment_that_is_not_there(app: App, tmp_path: Path) -> None:
    """Nothing is made up of it."""
    found = dependencies.collect(app.stack(str(tmp_path / "none")))["venv"]
    assert (found["exists"], found["python_exists"], found["dangling"], found["made_for"]) == (False, False, False, "")
    assert (found["libraries_for"], found["mismatch"]) == ([], False)


def test_the_file_of_requirements(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, the usual one is named; what the rehearsal misses may show that another one is in use."""
    found = dependencies.collect(app.stack())
    assert (found["requirements"]["path"], found["requirements"]["exists"]) == (f"{app.root}/requirements.txt", False)
    asked: list[tuple[str, bool]] = []

    def choose(root: str, _installed: Any, absent: Any, _given: str) -> requirements_files.Choice:
        asked.append((root, absent("django")))
        return requirements_files.Choice(paths=["/srv/live.txt", "/srv/dev.txt"], proved=True)

    monkeypatch.setattr(requirements_files, "choose", choose)
    missing = {"name": "django", "at_fault": True, "installed": ""}
    step = {"file": "/srv/live.txt", "problems": [missing]}
    rehearsed = {"steps": {"requirements": step}}
    settled = dependencies.settled(found, app.stack(), rehearsed)["requirements"]
    assert (settled["path"], settled["proved"], settled["others"]) == ("/srv/live.txt", True, ["/srv/dev.txt"])
    assert asked == [(str(app.root), True)]
    assert dependencies.settled(found, app.stack(), {"steps": {}}) is found
    assert dependencies.settled(found, app.stack(), None) is found
    assert dependencies.settled({"failed": "OSError"}, app.stack(), rehearsed) == {"failed": "OSError"}
    step["problems"] = [{**missing, "at_fault": False}]
    assert dependencies.settled(found, app.stack(), rehearsed)["requirements"]["proved"] is False
    assert len(asked) == 1
