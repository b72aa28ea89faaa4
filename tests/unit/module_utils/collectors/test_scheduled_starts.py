"""What will start a unit later: timers in the words of systemd 252, a job of at(1), a shell that sleeps first."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import scheduled_starts
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

UNIT = "xamila.service"
TIMERS = """Unit=
Id=apt-daily.timer
ActiveState=inactive
SubState=dead
Transient=no

Unit=xamila.service
Id=stopped.timer
ActiveState=inactive
SubState=dead
Transient=no

Unit=opening.service
Id=opening.timer
ActiveState=active
SubState=waiting
Transient=no

Unit=later.service
Id=later.timer
ActiveState=active
SubState=waiting
Transient=yes

Unit=run-r7cf5fe7c.service
Id=run-r7cf5fe7c.timer
ActiveState=active
SubState=waiting
Transient=yes

Unit=xamila.service
Id=xamila.timer
ActiveState=active
SubState=waiting
Transient=no
"""
NOT_YET = "start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
SERVICES = f"""ExecStart={{ path=/bin/systemctl ; argv[]=/bin/systemctl start xamila ; ignore_errors=no ; {NOT_YET}
Id=opening.service

ExecStart={{ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no ; {NOT_YET}
Id=later.service

ExecStart={{ path=/bin/systemctl ; argv[]=/bin/systemctl restart xamila.service ; ignore_errors=no ; {NOT_YET}
Id=run-r7cf5fe7c.service
"""
JOB = """#!/bin/sh
# atrun uid=0 gid=0
# mail root 0
umask 22
cd / || {
\t echo 'Execution directory inaccessible' >&2
\t exit 1
}
systemctl start xamila
"""


def shown(text: str) -> list[dict[str, str]]:
    """The units that systemctl prints, separated by empty lines."""
    return [systemd.parse_show(block) for block in text.split("\n\n")]


@pytest.mark.parametrize(
    ("enabled", "waiting", "starting"),
    [
        (True, ["later.timer", "run-r7cf5fe7c.timer"], ["run-r7cf5fe7c.timer"]),
        (
            False,
            ["opening.timer", "later.timer", "run-r7cf5fe7c.timer", "xamila.timer"],
            ["opening.timer", "run-r7cf5fe7c.timer", "xamila.timer"],
        ),
    ],
)
def test_timers(enabled: bool, waiting: list[str], starting: list[str]) -> None:
    """One with a file of its own counts only where nothing else starts the unit; one that does not wait never does."""
    found = scheduled_starts.parse_waiting(shown(TIMERS), enabled)
    assert [item["Id"] for item in found] == waiting
    assert scheduled_starts.parse_starting(found, shown(SERVICES), UNIT) == starting


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("systemctl start xamila ", True),
        ("/usr/bin/systemctl --no-block restart nginx xamila.service ", True),
        ("service xamila start ", True),
        ("sh -c sleep 60; systemctl start xamila ", True),
        ("systemctl stop xamila ", False),
        ("systemctl start xamila-worker ", False),
        ("systemctl start xamila@2.service ", False),
        ("systemctl start nginx; systemctl stop xamila ", False),
        ("systemctl restart nginx && tail -f /var/log/xamila ", False),
        ("journalctl -u xamila ", False),
    ],
)
def test_commands_that_start_a_unit(command: str, expected: bool) -> None:
    """By either program; another unit's name, another command of the line, and another verb are not meant."""
    assert scheduled_starts.starts(command, UNIT) is expected


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A host without timers and without processes of others; the folder in which at keeps its jobs."""
    monkeypatch.setattr(scheduled_starts.processes, "pids", list)
    monkeypatch.setattr(systemd, "systemctl", lambda *_words, **_more: "")
    monkeypatch.setattr(scheduled_starts, "JOBS_OF_AT", (f"{tmp_path}/*",))
    return tmp_path


def test_a_job_of_at(quiet: Path) -> None:
    """By its text, and by its name in the folder; another job is left out."""
    (quiet / "a0000101c8b9a9").write_text(JOB, encoding="utf-8")
    (quiet / "a0000201c8b9e5").write_text(JOB.replace("start xamila", "start nginx"), encoding="utf-8")
    assert scheduled_starts.of(UNIT, enabled=True) == ["a job of at (a0000101c8b9a9)"]


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A shell that sleeps before it would start a unit that is nowhere; the number of its process."""
    command = "sleep 60; systemctl start no-such-unit-of-ours"
    with subprocess.Popen(["sh", "-c", command], start_new_session=True) as shell:
        yield shell.pid
        # Both in one piece: a shell whose sleep ends goes on.
        os.killpg(shell.pid, signal.SIGKILL)


def test_a_shell_that_sleeps_first(quiet: Path, sleeper: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its command line."""
    assert list(quiet.iterdir()) == []
    monkeypatch.setattr(scheduled_starts.processes, "pids", lambda: [sleeper])
    (found,) = scheduled_starts.of("no-such-unit-of-ours.service", enabled=True)
    assert found.startswith(f"process {sleeper}: sh -c sleep 60; systemctl start no-such-unit-of-ours")
