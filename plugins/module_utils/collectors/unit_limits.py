# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limits of a unit's own by which systemd ends what runs well: the watchdog, and the time that it may run."""

from __future__ import annotations

import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import journal

NONE = {"option": "", "value": "", "said": "", "ago": 0.0}
# What is older may be of a start that was under another limit.
RECENT_SECONDS = 600.0
# (property, option, what systemd logs of the unit when it ends it by that)
_LIMITS = (
    ("WatchdogUSec", "WatchdogSec", re.compile(r"Watchdog timeout")),
    ("RuntimeMaxUSec", "RuntimeMaxSec", re.compile(r"runtime time limit|Service reached runtime")),
)
_UNLIMITED = ("", "0", "infinity", "[not set]")


def last_end(properties: dict[str, str]) -> dict[str, Any]:
    """{option, value, said, ago}: the limit that last ended the unit, and what was said of it; empty for none.

    properties: the unit's, from systemd.show(). ago: in seconds. A limit that is no longer set is none.
    """
    unit = properties.get("Id", "")
    limits = [limit for limit in _LIMITS if properties.get(limit[0], "") not in _UNLIMITED]
    if not unit or not limits:
        return dict(NONE)
    for entry in reversed(journal.of_manager(unit, RECENT_SECONDS, lines=50)):
        for name, option, said in limits:
            if said.search(entry.message):
                found = {"option": option, "value": properties[name], "said": entry.message[:300]}
                return {**found, "ago": round(time.time() - entry.when, 1)}
    return dict(NONE)
