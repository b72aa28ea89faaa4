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


def test_a_script_may_have_loaded_it(tmp_path: Path) -> None:
    """Whatever its text says."""
    script = tmp_path / "wait"
    script.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert not start_commands.loads_no_app(str(script))
