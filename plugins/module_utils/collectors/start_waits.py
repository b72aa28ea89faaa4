# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a start of the app waits for that has begun and not come to its end: a command of the unit, or another unit."""

from __future__ import annotations

import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import processes, systemd

# SubState of a unit that runs a command besides its program (systemctl --state=help).
_COMMANDS = {"condition": "ExecCondition", "start-pre": "ExecStartPre", "start-post": "ExecStartPost"}
# A line of `systemctl list-jobs --after`, below the job that it is about: of systemd 252 one that waits for it.
_OTHER = re.compile(r"(waiting for|blocking) job \d+ \(([^()]+)/\w+\)")
_JOB = re.compile(r"^\s*\d+ +(\S+) +\w+ +(?:waiting|running)")
DEPTH = 5


def collect(properties: dict[str, str]) -> dict[str, Any]:
    """{directive, what, seconds} of what the unit's start waits for; empty where it waits for nothing.

    directive: ExecStartPre and the like for a command, whose words `what` is; `After` for another unit. seconds: for
    how long. properties: the unit's, from systemd.show().
    """
    if (directive := _COMMANDS.get(properties.get("SubState", ""))) and properties.get("ActiveState") == "activating":
        pid = systemd.number(properties.get("ControlPID", ""))
        seconds = _since(properties.get("StateChangeTimestampMonotonic", ""))
        return {"directive": directive, "what": processes.command_line(pid)[:300], "seconds": seconds} if pid else {}
    if properties.get("ActiveState") in ("inactive", "failed") and properties.get("Job"):
        unit = waited_for(systemd.systemctl("list-jobs", "--after", "--full"), properties.get("Id", ""))
        shown = systemd.show(unit) if unit else {}
        since = shown.get("StateChangeTimestampMonotonic", "")
        return {"directive": "After", "what": unit, "seconds": _since(since)} if unit else {}
    return {}


def waited_for(jobs: str, unit: str) -> str:
    """The unit whose job the job of `unit` waits for, at the end of the chain; empty where it waits for none.

    jobs: what `systemctl list-jobs --after` prints.
    """
    waits: dict[str, list[str]] = {}
    current = ""
    for line in jobs.splitlines():
        if match := _JOB.match(line):
            current = match[1]
            waits.setdefault(current, [])
        elif match := _OTHER.search(line):
            waiting, other = (current, match[2]) if match[1] == "waiting for" else (match[2], current)
            waits.setdefault(waiting, []).append(other)
    last = unit
    for _step in range(DEPTH):
        # What waits for nothing itself is what all the others wait for.
        others = sorted(waits.get(last, []), key=lambda name: bool(waits.get(name)))
        if not others:
            break
        last = others[0]
    return "" if last == unit else last


def _since(monotonic: str) -> float:
    return round(max(0.0, time.monotonic() - systemd.number(monotonic) / 1e6), 1)
