# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who keeps the processors busy at this moment, by the time that the kernel has counted (proc_pid_stat(5))."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import processes

SECONDS = 0.5
# Of one processor, in percent. What works for a moment, as on a page, is below it in most samples.
BUSY = 50
MOST = 5


def busy(seconds: float = SECONDS) -> list[dict[str, Any]]:
    """{pid, command, unit, percent} of the processes that take half a processor or more, the busiest first.

    This one is left out. It takes `seconds`.
    """
    before, begun = _ticks(), time.monotonic()
    time.sleep(seconds)
    after, passed = _ticks(), time.monotonic() - begun
    shares = judged(before, after, passed * os.sysconf("SC_CLK_TCK"))
    return [
        {"pid": pid, "command": processes.command_line(pid)[:200], "unit": processes.unit_of(pid), "percent": percent}
        for pid, percent in shares
        if pid != os.getpid()
    ]


def judged(before: dict[int, int], after: dict[int, int], ticks: float) -> list[tuple[int, int]]:
    """(pid, percent of one processor) of those that took BUSY or more between two counts, `ticks` apart."""
    shares = {pid: round(100 * (count - before[pid]) / ticks) for pid, count in after.items() if pid in before}
    return sorted(((p, share) for p, share in shares.items() if share >= BUSY), key=lambda item: -item[1])[:MOST]


def _ticks() -> dict[int, int]:
    """Ticks of processor time that each process has had so far."""
    found = {}
    for pid in processes.pids():
        try:
            found[pid] = processes.ticks(pid)
        except (OSError, IndexError, ValueError):
            continue
    return found
