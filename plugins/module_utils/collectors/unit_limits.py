# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limits of a unit's own: by which systemd ends what runs well, and by which the kernel gives it less than it needs."""

from __future__ import annotations

import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import journal, systemd

NONE = {"option": "", "value": "", "said": "", "ago": 0.0}
# What is older may be of a start that was under another limit.
RECENT_SECONDS = 600.0
# (property, option, what systemd logs of the unit when it ends it by that)
_LIMITS = (
    ("WatchdogUSec", "WatchdogSec", re.compile(r"Watchdog timeout")),
    ("RuntimeMaxUSec", "RuntimeMaxSec", re.compile(r"runtime time limit|Service reached runtime")),
)
# Asked only where the unit's last end was one of time: it has one in any case.
_START = ("TimeoutStartUSec", "TimeoutStartSec", re.compile(r"start(?:-pre|-post)? operation timed out"))
_UNLIMITED = ("", "0", "infinity", "[not set]")
# What a process may have: nobody limits it by default, or not to so few (systemd.exec(5), systemd.resource-control(5)).
_RESOURCES = ("LimitAS", "LimitDATA", "LimitFSIZE", "LimitRSS", "MemoryMax", "MemoryHigh")
_COUNTS = ("LimitNPROC", "TasksMax")
FEW = 64


def last_end(properties: dict[str, str]) -> dict[str, Any]:
    """{option, value, said, ago}: the limit that last ended the unit, and what was said of it; empty for none.

    properties: the unit's, from systemd.show(). ago: in seconds. A limit that is no longer set is none.
    """
    unit = properties.get("Id", "")
    known = (*_LIMITS, _START) if properties.get("Result") == "timeout" else _LIMITS
    limits = [limit for limit in known if properties.get(limit[0], "") not in _UNLIMITED]
    if not unit or not limits:
        return dict(NONE)
    for entry in reversed(journal.of_manager(unit, RECENT_SECONDS, lines=50)):
        for name, option, said in limits:
            if said.search(entry.message):
                found = {"option": option, "value": properties[name], "said": entry.message[:300]}
                return {**found, "ago": round(time.time() - entry.when, 1)}
    return dict(NONE)


def resources(properties: dict[str, str]) -> list[str]:
    """The unit's own limits of what its processes may have, as NAME=VALUE; those that nobody has set are left out."""
    sizes = [name for name in _RESOURCES if properties.get(name, "") not in _UNLIMITED]
    counts = [name for name in _COUNTS if 0 < systemd.number(properties.get(name, "")) < FEW]
    return [f"{name}={properties[name]}" for name in (*sizes, *counts)]
