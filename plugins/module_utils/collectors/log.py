# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The log of the unit's current invocation, and nothing older: an old traceback must never name the cause."""

from __future__ import annotations

import datetime
import re
import time
from collections import Counter
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge, service
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_words
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import journal, unread

KEPT = 40
LINE_LENGTH = 400
_TROUBLE = re.compile(r"\[(ERROR|CRITICAL)\]|\b(ERROR|CRITICAL|Traceback|Exception)\b|Error: |WORKER TIMEOUT|SIGKILL")
# gunicorn's own log lines begin with [2026-01-31 12:00:00 +0000].
_STAMP = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\]")
# An app server's own last words about its command line or its configuration.
_REFUSAL = re.compile(r"^(?:\w+: error: |Error: (?!Already running on PID)|Failed to read config file: )(.+)")
# What gunicorn logs of the request that a worker was at when it ran out of time.
_HANDLING = re.compile(r"Error handling request (/[^ ?]*)")
RECENT = 300
# True, loud and harmless: newer gunicorns' control server cannot write where www-data has no home, and workers that
# are asked to end by a restart are reported as errors.
_HARMLESS = re.compile(r"Control server error|was sent SIGTERM")
# Signs of what the app has run out of. What was true hours ago in this invocation may not be now, so each has its age.
_SIGNS = {
    "killed": re.compile(r"was sent SIGKILL"),
    "no_space": re.compile(r"No space left on device"),
    "read_only": re.compile(r"Read-only file system"),
    "open_files": re.compile(r"Too many open files(?! in system)"),
}
Line = tuple[float, str]


def collect(stack: Stack) -> dict[str, Any]:
    """Lines of this invocation from the journal and from gunicorn's error log; those that report trouble apart.

    signs: of each sign that is there, how many seconds ago it was last seen; for a unit that has ended, how many
    seconds before its last line.
    """
    said = _journal(stack.properties.get("InvocationID", "")) + _error_log(stack)
    # What the app writes of the database's answers is in the language of the server.
    in_english = postgresql_words.numbered([text for _when, text in said], stack.database_unit)
    stamped = [(said[number][0], text) for number, text in in_english]
    lines = [text for _when, text in stamped]
    ended = stack.properties.get("ActiveState") in ("failed", "inactive")
    now = max((when for when, _text in stamped), default=0.0) if ended else time.time()
    trouble = [line for line in lines if _TROUBLE.search(line) and not _HARMLESS.search(line)]
    found = {
        "lines": [line[:LINE_LENGTH] for line in lines[-KEPT:]],
        "errors": [line[:LINE_LENGTH] for line in trouble[-KEPT:]],
        "timeouts": sum("WORKER TIMEOUT" in line for line in lines),
        "recent_timeouts": sum(_is_recent(line) for line in lines if "WORKER TIMEOUT" in line),
        "timed_out_paths": _timed_out_paths(lines),
        "refusal": next((line[:LINE_LENGTH] for line in reversed(lines) if _REFUSAL.match(line)), ""),
        "killed": sum("was sent SIGKILL" in line for line in lines),
        "signs": signs(stamped, now),
    }
    bars = _bars(stack)
    return {name: unread.reported(value, "the app's log", *bars) for name, value in found.items()}


def _bars(stack: Stack) -> list[str]:
    """Why this account may have overlooked lines of this invocation."""
    started, path = stack.properties.get("InvocationID"), stack.server.errorlog
    return [journal.barred() if started else "", unread.sealed(path) if started and path.startswith("/") else ""]


def signs(stamped: list[Line], now: float) -> dict[str, float]:
    """The age in seconds of the newest line with each sign; a sign that no line has is left out."""
    found = {
        name: max((when for when, text in stamped if pattern.search(text)), default=0.0)
        for name, pattern in _SIGNS.items()
    }
    return {name: round(now - when, 1) for name, when in found.items() if when}


def _journal(invocation: str) -> list[Line]:
    """(seconds since the epoch, message) of what the unit's own processes wrote since it was last started."""
    found = journal.entries(f"_SYSTEMD_INVOCATION_ID={invocation}") if invocation else []
    return [(entry.when, entry.message) for entry in found]


def _error_log(stack: Stack) -> list[Line]:
    """The same of gunicorn's error log, of this invocation; a line without a time has that of the one before it."""
    started = service.started_at(stack.properties)
    if not stack.server.errorlog.startswith("/") or not started:
        return []
    found: list[Line] = []
    for line in app_files.tail(stack, stack.server.errorlog, edge.TAIL_BYTES).splitlines():
        when = _stamp(line) or (found[-1][0] if found else 0.0)
        if when >= int(started):
            found.append((when, line))
    return found


def _stamp(line: str) -> float | None:
    """When gunicorn wrote a line, in seconds since the epoch; a worker's may be in the time zone of the settings."""
    match = _STAMP.match(line)
    try:
        return datetime.datetime.strptime(match.group(1), "%Y-%m-%d %H:%M:%S %z").timestamp() if match else None
    except ValueError:
        return None


def _is_recent(line: str) -> bool:
    """Whether a line of this invocation is of the last minutes; one without a time may be."""
    written = _stamp(line)
    return written is None or written >= time.time() - RECENT


def _timed_out_paths(lines: list[str]) -> list[str]:
    """Paths of the requests that workers were at when they were ended for their slowness, the most frequent first."""
    ended = [index for index, line in enumerate(lines) if line.startswith("SystemExit")]
    found: Counter[str] = Counter()
    for index in ended:
        match = next((m for line in reversed(lines[:index]) if (m := _HANDLING.search(line))), None)
        if match:
            found[match.group(1)[:120]] += 1
    return [path for path, _count in found.most_common(3)]
