# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's out-of-memory killer: whom it killed, in the words of the kernel's log and of systemd."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import journal, unread

LINES = 3000
# mm/oom_kill.c: the line of the verdict, which names the control group, then that of the kill.
_VERDICT = re.compile(r"oom-kill:.*task_memcg=(?P<group>[^,]*),task=(?P<name>[^,]*),pid=(?P<pid>\d+)")
_KILL = re.compile(
    r"(?:Out of memory|out of memory[^:]*): Kill(?:ed)? process (?P<pid>\d+) \((?P<name>[^)]*)\)(?P<rest>.*)"
)
_SIZE = re.compile(r"anon-rss:(\d+)kB")
# systemd says so itself where the control group counts kills (systemd 243 and newer), and systemd-oomd likewise.
_UNIT_KILLED = re.compile(r"killed by the OOM killer|due to memory (pressure|used)|systemd-oomd killed")


def seen(unit: str, main_pid: int, since: float, now: float) -> dict[str, Any]:
    """{kernel_log, kills, unit_killed} since a time; times are in seconds since the epoch.

    kernel_log: whether there is one to look into: a container has none. kills: {pid, name, mib, ago, ours} of what the
    kernel killed. unit_killed: how many seconds ago systemd said that a process of the unit was; None where it did not.
    """
    kernel = [entry[:2] for entry in journal.entries("_TRANSPORT=kernel", "-b", lines=LINES)]
    times = [
        entry.when
        for entry in journal.entries("_PID=1", f"UNIT={unit}", "-b", lines=LINES)
        if entry.when >= since and _UNIT_KILLED.search(entry.message)
    ]
    found = {
        "kernel_log": bool(kernel),
        "kills": kills(kernel, unit, main_pid, since, now),
        "unit_killed": round(now - times[-1], 1) if times else None,
    }
    return {name: unread.reported(value, "the kernel's log", journal.barred()) for name, value in found.items()}


def kills(entries: list[tuple[float, str]], unit: str, main_pid: int, since: float, now: float) -> list[dict[str, Any]]:
    """The kernel's kills among journal entries, the oldest first.

    ours: the killed process was the unit's main one, or belonged to it by the control group that the kernel named.
    """
    groups: dict[str, str] = {}
    found = []
    for when, message in entries:
        verdict, kill = _VERDICT.search(message), _KILL.search(message)
        if verdict:
            groups[verdict.group("pid")] = verdict.group("group")
        if kill and when >= since:
            size, pid = _SIZE.search(kill.group("rest")), kill.group("pid")
            found.append(
                {
                    "pid": int(pid),
                    "name": kill.group("name"),
                    "mib": int(size.group(1)) // 1024 if size else 0,
                    "ago": round(now - when, 1),
                    "ours": int(pid) == main_pid or unit in groups.get(pid, "").split("/"),
                }
            )
    return found
