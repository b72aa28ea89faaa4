"""Which interpreter stands for the system's own, where /usr/bin/python3 is there and where it is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import system_python, write_access

MISSING = "/usr/bin/python-that-is-not-there"


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """What one test has learnt of its host is not the next one's."""
    system_python.path.cache_clear()
    yield
    system_python.path.cache_clear()


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places whose writers were asked for; nobody but root writes one, but for what a test says."""
    places: list[str] = []

    def first_open(paths: list[str], uid: int) -> str:
        places.extend([*paths, str(uid)])
        return next((path for path in paths if "/srv/" in path), "")

    monkeypatch.setattr(write_access, "first_open", first_open)
    monkeypatch.setattr(system_python, "USUAL", MISSING)
    return places


def runs_in(monkeypatch: pytest.MonkeyPatch, executable: str, prefix: str, base: str) -> None:
    """Have this module run in another interpreter."""
    for name, value in (("executable", executable), ("prefix", prefix), ("base_prefix", base)):
        monkeypatch.setattr(sys, name, value)


def test_the_usual_one_is_taken_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else Ansible was told to use: an app outside of any environment runs in the system's."""
    usual = tmp_path / "python3"
    usual.touch()
    monkeypatch.setattr(system_python, "USUAL", str(usual))
    assert system_python.path() == str(usual)


def test_else_the_one_that_runs_this(judged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own path and all that it imports are judged as root's; the system's prefix is not walked through."""
    runs_in(monkeypatch, "/opt/ansible/bin/python", "/opt/ansible", "/opt/python")
    assert system_python.path() == "/opt/ansible/bin/python"
    assert judged == ["/opt/ansible/bin/python", "/opt/ansible", "/opt/python", "0"]
    system_python.path.cache_clear()
    runs_in(monkeypatch, "/usr/local/bin/python3", "/usr/local", "/usr/local")
    assert system_python.path() == "/usr/local/bin/python3"
    assert judged[4:] == ["/usr/local/bin/python3", "0"]


@pytest.mark.parametrize(
    "places",
    [
        ("/srv/shop/bin/python", "/opt/x", "/opt/x"),
        ("/opt/x/bin/python", "/srv/shop", "/opt/x"),
        ("/opt/x/bin/python", "/opt/x", "/srv/python"),
        ("", "/opt/x", "/opt/x"),
    ],
)
def test_what_others_can_write_is_not_run(
    judged: list[str], places: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what is not known: then the usual one is named, and cannot be started."""
    runs_in(monkeypatch, *places)
    assert system_python.path() == MISSING
    assert bool(judged) == bool(places[0])


def test_this_interpreter_is_judged_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By lstat, every component: a folder on the way that all can write is enough."""
    monkeypatch.setattr(system_python, "USUAL", MISSING)
    program = tmp_path / "bin" / "python3"
    program.parent.mkdir()
    program.touch()
    program.parent.chmod(0o777)
    runs_in(monkeypatch, str(program), "/usr", "/usr")
    assert os.lstat(program.parent).st_mode & 0o002
    assert system_python.path() == MISSING
