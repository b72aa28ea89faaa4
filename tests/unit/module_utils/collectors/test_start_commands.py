"""The commands of a unit: which of those that fail cannot have loaded the app."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import start_commands

TEST = shutil.which("test")
FALSE = shutil.which("false")


@pytest.mark.parametrize("command", [f"{TEST} -f /srv/licence", f"{FALSE}", f"{TEST} -d /var/lib/nobody -a -w /tmp"])
def test_a_plain_check_loads_nothing(command: str) -> None:
    """A binary that takes no program and no text to run."""
    assert start_commands.loads_no_app(command)


@pytest.mark.parametrize(
    "command",
    [
        "/bin/sh -c exit 3",
        "/usr/bin/python3 manage.py migrate",
        f"{shutil.which('timeout')} 30 sh migrate.sh",
        f"{shutil.which('env')} python3 manage.py check",
        f"{shutil.which('nice')} /usr/bin/python3 manage.py",
        "/srv/not/there db 5432",
    ],
)
def test_what_runs_something_else_may_have_loaded_it(command: str) -> None:
    """Shells, interpreters, and programs that start others; and what is not there to be looked at."""
    assert not start_commands.loads_no_app(command)


def test_what_only_asks_is_asked_again(tmp_path: Path) -> None:
    """It finds now what it did not find then."""
    command = f"{TEST} -e {tmp_path / 'licence'}"
    assert not start_commands.does_well_now(command, "")
    (tmp_path / "licence").write_text("", encoding="utf-8")
    assert start_commands.does_well_now(command, "")
    assert not start_commands.does_well_now(command, "nobody-of-this-name")


@pytest.mark.parametrize("command", [shutil.which("true"), f"{TEST} -e $HOME", f"{TEST} -n %n", "test -e /", ""])
def test_what_may_do_more_is_not_asked_again(command: str) -> None:
    """A program that is not known to only ask, text that systemd expands, and a program without a path."""
    assert not start_commands.does_well_now(command, "")


def test_a_script_may_have_loaded_it(tmp_path: Path) -> None:
    """Whatever its text says."""
    script = tmp_path / "wait"
    script.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert not start_commands.loads_no_app(str(script))
