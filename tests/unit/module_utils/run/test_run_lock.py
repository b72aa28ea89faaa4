"""The heartbeat of a run: its connection, as long as that is kept from task to task."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import run_lock
from ansible_collections.rescue502.django.plugins.module_utils.run.run_processes import connection_of

# Until it runs its own program, a process goes by its parent's name.
TASK = 'sleep 60 & until grep -qx sleep "/proc/$!/comm"; do :; done; echo $!; wait'


class Connection:
    """A process that has the server's name, with a task that it started."""

    def __init__(self, folder: Path) -> None:
        self.server = subprocess.Popen([_program(folder), "-c", TASK], stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        self.task = int(self.server.stdout.readline())

    def end(self) -> None:
        """End both."""
        subprocess.run(["kill", str(self.task)], check=False)
        self.server.kill()
        self.server.wait()


def _program(folder: Path) -> str:
    """A shell by the name of the server."""
    path = folder / "sshd"
    if not path.exists():
        shutil.copy("/bin/sh", path)
    return str(path)


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection, and waits that a test can wait for."""
    monkeypatch.setattr(run_lock, "KEPT_SECONDS", 0.2)
    monkeypatch.setattr(run_lock, "HEARTBEAT_SECONDS", 0.3)
    made = Connection(tmp_path)
    yield made
    made.end()


def test_the_connection_of_a_task_is_found(connection: Connection) -> None:
    """By the server's name, above the task; who steers from the host itself has none."""
    assert connection_of(connection.task) == connection.server.pid
    assert connection_of(1) == 0
    assert connection_of(2**22 + 1) == 0


def test_a_kept_connection_that_ends_is_the_end_of_the_run(connection: Connection) -> None:
    """A job that was cancelled: it is seen soon, not when its grace has passed."""
    heartbeat = run_lock.Heartbeat(connection_of(connection.task))
    time.sleep(0.3)
    assert not heartbeat.has_stopped()
    connection.end()
    assert not heartbeat.has_stopped(), "a run that lives may be about to make another one"
    time.sleep(0.4)
    assert heartbeat.has_stopped()


def test_a_connection_for_each_task_shows_nothing(connection: Connection) -> None:
    """Its end, right after its task, is that of no run."""
    heartbeat = run_lock.Heartbeat(connection_of(connection.task))
    connection.end()
    time.sleep(0.5)
    assert not heartbeat.has_stopped()
    time.sleep(0.4)
    assert not heartbeat.has_stopped()


def test_another_connection_takes_the_place_of_one_that_has_ended(connection: Connection, tmp_path: Path) -> None:
    """As after `meta: reset_connection`: the run's next task is seen by it."""
    heartbeat = run_lock.Heartbeat(connection_of(connection.task))
    time.sleep(0.3)
    assert not heartbeat.has_stopped()
    connection.end()
    other = Connection(tmp_path)
    try:
        heartbeat.see_task([other.task])
        time.sleep(0.5)
        assert not heartbeat.has_stopped()
    finally:
        other.end()


def test_a_run_from_the_host_itself_has_no_heartbeat() -> None:
    """Then the grace alone decides."""
    heartbeat = run_lock.Heartbeat(0)
    assert not heartbeat.has_stopped()
