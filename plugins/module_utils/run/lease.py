# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lease: the lock of this host, held by another program of root's, such as a deployment that runs under flock(1).

It ends with that program, whatever becomes of it, since the kernel keeps it (docs/alerts.md).
"""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import run_processes
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, processes

# They stand between the lock and the program that it is held for.
WRAPPERS = ("flock", "timeout")


def holder(descriptor: int) -> dict[str, Any]:
    """Who has the lock's file open: {lease (a program's name), pid, account, since}; empty where only rescue502 has.

    descriptor: the lock's file. Asked where the lock is held: only root can open that file.
    """
    lock, own = os.fstat(descriptor), run_processes.lineage()
    pids = dict.fromkeys(
        pid
        for pid, _path, status in processes.open_files()
        if (status.st_dev, status.st_ino) == (lock.st_dev, lock.st_ino) and pid not in own
    )
    found = [item for pid in pids if (item := _described(_behind_wrappers(pid)))]
    return next((item for item in found if item["lease"] not in WRAPPERS), next(iter(found), {}))


def _behind_wrappers(pid: int) -> int:
    """The program that a wrapper has started, or the process itself where it is not one, or has started none."""
    for _wrapper in WRAPPERS:
        started = [other for other in processes.pids() if processes.parent(other) == pid]
        if run_processes.name_of(pid) not in WRAPPERS or not started:
            break
        pid = started[0]
    return pid


def _described(pid: int) -> dict[str, Any]:
    """A process; empty of one that has ended, or is rescue502's own."""
    name = run_processes.name_of(pid)
    if not name or name in run_processes.IDLE or run_processes.is_of_a_run(pid):
        return {}
    try:
        since, owner = processes.started(pid), os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return {}
    return {"lease": name, "pid": pid, "account": accounts.user_name(owner), "since": since}
