# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The processes of a run on its target, known by the mark in their environment."""

from __future__ import annotations

import os

from ansible_collections.rescue502.django.plugins.module_utils.run.state_directory import INCIDENT
from ansible_collections.rescue502.django.plugins.module_utils.system.processes import parent, pids

# What processes call themselves that do nothing to the host; the kernel keeps 15 characters.
LOCK_PROCESS = "rescue502-lock"
WAITS = "rescue502-wait"
IDLE = (LOCK_PROCESS, WAITS)


def at_work(incident: str) -> list[int]:
    """Processes that a run started here and that still live, but for this one and its ancestors, and for those that
    hold the lock or wait for it."""
    mark = f"{INCIDENT}={incident}\0".encode()
    own = lineage()
    return [pid for pid in pids() if pid not in own and mark in _environment(pid) and name_of(pid) not in IDLE]


def set_process_name(name: str) -> None:
    """Give this process a name by which others know what it is."""
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(name)


def name_of(pid: int) -> str:
    """A process's name; empty where it is gone."""
    return _read(f"/proc/{pid}/comm").decode("utf-8", "replace").strip()


def _environment(pid: int) -> bytes:
    return b"\0" + _read(f"/proc/{pid}/environ") + b"\0"


def is_of_a_run(pid: int) -> bool:
    """Whether a process belongs to a run of rescue502, this one or another."""
    return f"\0{INCIDENT}=".encode() in _environment(pid)


def lineage() -> set[int]:
    """This process and its ancestors."""
    pid, found = os.getpid(), set()
    while pid > 0 and pid not in found:
        found.add(pid)
        # After the name, which may hold anything, come the state and the parent.
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        pid = int(fields[1]) if len(fields) > 1 else 0
    return found


def connection_of(pid: int) -> int:
    """The server's process of the connection by which a process was started (sshd); 0 where there is none, as on the
    controller itself."""
    seen = set()
    while pid > 1 and pid not in seen:
        seen.add(pid)
        if name_of(pid).startswith("sshd"):
            return pid
        pid = parent(pid)
    return 0


def is_started_by_us(pid: int) -> bool:
    """Whether this very process has started another one, itself or through others."""
    own, seen = os.getpid(), set()
    while pid > 1 and pid not in seen:
        seen.add(pid)
        if (pid := parent(pid)) == own:
            return True
    return False


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
