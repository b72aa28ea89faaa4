# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which controller a run is steered from, so that the next run there can find whether that one still lives."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import processes

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def this_run() -> dict[str, Any]:
    """{where, name, pid, started} of the process that runs the play; called from one of its workers."""
    pid = os.getppid()
    return {"where": _where(), "name": platform.node(), "pid": pid, "started": _started(pid)}


def is_gone(run: dict[str, Any]) -> bool:
    """Whether a run was steered from here and its process has ended. False where that is not known."""
    pid, where = run.get("pid"), run.get("where")
    if not isinstance(pid, int) or pid <= 1 or not where or where != _where():
        return False
    return _started(pid) != run.get("started")


def _where() -> str:
    """This boot of this machine, and which numbering of processes: a container has its own. Empty where unknown."""
    try:
        return f"{_BOOT.read_text(encoding='ascii').strip()} {os.readlink(_NAMESPACE)}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a living process was started, in clock ticks since boot; empty where there is none."""
    try:
        # One that has ended and is not yet reaped by the process that started it does nothing any more.
        return "" if processes.state(pid) in ("Z", "X") else str(processes.start_ticks(pid))
    except OSError:
        return ""
