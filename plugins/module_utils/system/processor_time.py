# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who keeps the processors busy at this moment, and who waits for one, as the kernel counts it (sched-stats.rst)."""

from __future__ import annotations

import glob
import os
import time
from typing import Any, NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.system import processes

SECONDS = 0.5
# In percent of one processor. What works for a moment, as on a page, is below it in most samples.
BUSY = 50
MOST = 5


class Share(NamedTuple):
    """What a process had of one processor, and for how long it waited to have it, both in percent of the time."""

    pid: int
    percent: int
    waited: int


# Nanoseconds on a processor, and waiting for one, by process.
Counts = dict[int, tuple[int, int]]


def busy(own: str, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """{pid, command, unit, percent, waited, ours} of the processes that had work for half the time or more.

    At most MOST of the unit `own`, and as many others, those that had most of the processors first. This process is
    left out. It takes `seconds`.
    """
    before, begun = _counts(), time.monotonic()
    time.sleep(seconds)
    after, passed = _counts(), time.monotonic() - begun
    found = [
        {"command": processes.command_line(share.pid)[:200], "unit": processes.unit_of(share.pid), **share._asdict()}
        for share in judged(before, after, passed * 1e9)
        if share.pid != os.getpid()
    ]
    ours = [{**item, "ours": True} for item in found if item["unit"] == own]
    return ours[:MOST] + [{**item, "ours": False} for item in found if item["unit"] != own][:MOST]


def judged(before: Counts, after: Counts, passed: float) -> list[Share]:
    """The shares of those that ran, or waited to, for BUSY of the time or more between two counts, the largest first.

    On a busy machine who never stops working has little of a processor all the same: so waiting counts. passed: in
    nanoseconds.
    """
    shares = [
        Share(pid, *(round(100 * (new - old) / passed) for old, new in zip(before[pid], counted)))
        for pid, counted in after.items()
        if pid in before
    ]
    return sorted((item for item in shares if item.percent + item.waited >= BUSY), key=lambda item: -item.percent)


def _counts() -> Counts:
    return {pid: counted for pid in processes.pids() if (counted := _of(pid))}


def _of(pid: int) -> tuple[int, int] | None:
    """The sums of a process's threads; None where it is gone, or this kernel does not count."""
    ran = waited = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path, encoding="utf-8") as file:
                words = file.read().split()
            ran, waited = ran + int(words[0]), waited + int(words[1])
        except (OSError, ValueError, IndexError):
            continue
    return (ran, waited) if ran else None
