# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run at a time on a host: a lock that dies with the run that holds it.

A run is many short processes on the target, so a process of its own, the lock process, holds the lock (flock(2))
between them. It releases the lock on SIGTERM, or when none of the run's processes has been seen for a while: the
controller or the connection was killed. In either case it waits for what the run began: an installation goes on after
the connection that started it is gone.

The run's heartbeat is its connection. Ansible keeps one open from task to task (ControlPersist), and the kernel closes
it when the controller's process or container is killed, wherever that is. So where a connection that outlived its task
has ended, the lock is released soon. Where each task has a connection of its own, its end shows nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import lease, leftovers
from ansible_collections.rescue502.django.plugins.module_utils.run.run_processes import (
    LOCK_PROCESS,
    WAITS,
    at_work,
    connection_of,
    name_of,
    set_process_name,
)
from ansible_collections.rescue502.django.plugins.module_utils.system.processes import start_ticks

# In memory, so that a full disk does not keep it from being taken, and no reboot leaves it behind.
FOLDER = "/run/rescue502"
# Between two tasks of a run none of its processes lives; with many hosts and a busy controller that can take a while.
GRACE_SECONDS = 20.0
POLL_SECONDS = 0.25
# A connection that lives so long after the task that it was made for is kept from task to task.
KEPT_SECONDS = 2.0
# Where such a one has ended, a run that lives has made another by then.
HEARTBEAT_SECONDS = 3.0


class Lock:
    """The lock of this host, as one run sees it."""

    def __init__(self, incident: str, host: str, controller: dict[str, Any], make: bool = True) -> None:
        """incident and host (its name in the inventory) tell runs apart; controller is for a run that finds it locked.

        make: whether to make the lock's file where it is missing, as to take the lock one must.
        """
        self.incident = incident
        self.entry = {"incident": incident, "host": host, "controller": controller, "since": time.time()}
        self.descriptor = _open(make)

    def take(self, abandoned: str, patience: float, lease_patience: float = 0.0) -> tuple[dict[str, Any], float]:
        """(who holds it now, seconds waited until then): this run itself, or another one that is at work, or a lease.

        abandoned: an incident whose run is known to be dead; what it began is waited for, for `patience` seconds, as is
        what this run itself began and lost sight of. Of another run that is not known to be dead any sign of life is
        enough to give up immediately. lease_patience: for how many seconds a lease is waited for.
        """
        begun = time.monotonic()
        set_process_name(WAITS)
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = time.monotonic() - begun
                if leased := lease.holder(self.descriptor):
                    if waited >= lease_patience:
                        return leased, waited
                elif not self._worth_waiting(holder := self.holder(), abandoned, waited, patience):
                    return holder, waited
                time.sleep(POLL_SECONDS)
            else:
                with contextlib.suppress(OSError):  # without it Python takes a usual one
                    leftovers.make_place()
                leftovers.clear()
                self._keep()
                return self.entry, time.monotonic() - begun

    def release(self) -> None:
        """Have this run's lock process release the lock. Does nothing where another run holds it, or none."""
        holder = self.holder()
        if self.is_own(holder) and self.is_held():
            _signal(holder.get("pid", 0))

    def is_held(self) -> bool:
        """Whether anybody holds the lock."""
        if self.descriptor < 0:
            return False
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        return False

    def holder(self) -> dict[str, Any]:
        """Who holds the lock, or held it last; empty where that is not known."""
        try:
            known = json.loads(os.pread(self.descriptor, 4096, 0))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def other(self) -> dict[str, Any]:
        """Another run that has the lock, or a lease; empty where there is none."""
        if not self.is_held():
            return {}
        holder = lease.holder(self.descriptor) or self.holder()
        return {} if self.is_own(holder) else holder

    def is_own(self, holder: dict[str, Any]) -> bool:
        """Whether that is this run on this host."""
        return (holder.get("incident"), holder.get("host")) == (self.incident, self.entry["host"])

    def _worth_waiting(self, holder: dict[str, Any], abandoned: str, waited: float, patience: float) -> bool:
        other = str(holder.get("incident", ""))
        if self.is_own(holder):
            return waited < patience and bool(at_work(other))
        if other in (abandoned, self.incident):
            # Dead, or this very run under another name of the same host: either way it ends.
            if other == abandoned:
                _signal(holder.get("pid", 0))
            return waited < patience
        return waited < GRACE_SECONDS + 2 * POLL_SECONDS and not at_work(other)

    def _keep(self) -> None:
        """Leave a process behind that holds the lock: a copy of this one, out of its session and its pipes."""
        ready, started = os.pipe()
        heartbeat = Heartbeat(connection_of(os.getpid()))
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                _become_lock_process(self.incident, self.descriptor, started, heartbeat)
            os._exit(0)
        os.waitpid(child, 0)
        os.close(started)
        pid = int(os.read(ready, 20) or b"0")
        os.close(ready)
        self.entry["pid"] = pid
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(self.entry).encode(), 0)


class Heartbeat:
    """The connections of a run, as long as they are kept from task to task."""

    def __init__(self, connection: int) -> None:
        """connection: the sshd process of the task that takes the lock; 0 where there is none."""
        self._connection, self._ticks = connection, _ticks(connection)
        self._task_seen = time.monotonic()
        self._is_kept = False
        self._ended: float | None = None

    def see_task(self, pids: list[int]) -> None:
        """A task of the run is at work, by the connection that counts from now on."""
        self._task_seen, self._ended = time.monotonic(), None
        connection = next((found for pid in pids if (found := connection_of(pid))), 0)
        if connection and connection != self._connection:
            self._connection, self._ticks, self._is_kept = connection, _ticks(connection), False

    def has_stopped(self) -> bool:
        """Whether a connection that was kept has ended, and none has taken its place since."""
        now = time.monotonic()
        if self._ticks and _ticks(self._connection) == self._ticks:
            self._is_kept = self._is_kept or now - self._task_seen > KEPT_SECONDS
            return False
        self._ended = self._ended or now
        return self._is_kept and now - self._ended > HEARTBEAT_SECONDS


def _ticks(pid: int) -> int:
    """When a living process was started; 0 where there is none."""
    try:
        return start_ticks(pid) if pid else 0
    except OSError:
        return 0


def _become_lock_process(incident: str, lock: int, started: int, heartbeat: Heartbeat) -> None:
    """Hold the lock until the run has ended. Never returns."""
    try:
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        set_process_name(LOCK_PROCESS)
        released: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _frame: released.append(number))
        os.write(started, str(os.getpid()).encode())
        for descriptor in range(3, 256):
            if descriptor != lock:
                _close(descriptor)
        _hold(incident, released, heartbeat)
        leftovers.clear()
    finally:
        os._exit(0)


def _hold(incident: str, released: list[int], heartbeat: Heartbeat) -> None:
    seen = time.monotonic()
    while True:
        if working := at_work(incident):
            seen = time.monotonic()
            heartbeat.see_task(working)
        elif released or time.monotonic() - seen > GRACE_SECONDS or heartbeat.has_stopped():
            return
        time.sleep(POLL_SECONDS)


def _signal(pid: Any) -> None:
    # Only a process with the lock process's name: the number may be another one's by now.
    if isinstance(pid, int) and pid > 1 and name_of(pid) == LOCK_PROCESS:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _open(make: bool) -> int:
    """The lock's file; -1 where there is none and none is to be made."""
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(FOLDER, 0o700)
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if make else 0)
    try:
        return os.open(os.path.join(FOLDER, "lock"), flags, 0o600)
    except FileNotFoundError:
        return -1
