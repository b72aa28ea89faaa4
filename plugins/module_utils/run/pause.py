# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pause: until when no run changes this host, by whom and why.

It is one file in the state folder, `{"until": ..., "by": ..., "reason": ...}`, so that a deployment's own script can
write it too (docs/alerts.md). It counts from when the file was written, and never for longer than LONGEST.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory

NAME = "pause.json"
# In seconds: whatever the file says, and however the clock has jumped, it is over then.
LONGEST = 7 * 86400.0
# Where no end can be read, such as of an empty file.
WITHOUT_END = 3600.0
# A file of the future, by more than this, is one from before the clock was set back.
CLOCK_SLACK = 300.0
FORMS = "write it as 2026-01-31T22:00:00Z, with its time zone, or as how long: 90m, 2h, 3d"
_UNITS = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_MOST_BYTES = 4096


def end_of(text: str, since: float) -> float:
    """When a pause ends, in seconds since the epoch. text: a time with its zone, or how long from `since` on.

    Raises ValueError where it is neither; the text says which forms there are.
    """
    lasting = re.fullmatch(r"\s*(\d{1,6})\s*(m|min|h|d)\s*", text)
    if lasting:
        return since + int(lasting[1]) * _UNITS[lasting[2]]
    try:
        end = datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise ValueError(f"'{text}' is not a valid time: {FORMS}") from error
    if end.tzinfo is None:
        raise ValueError(f"'{text}' names no time zone: {FORMS}")
    return end.timestamp()


def current() -> dict[str, Any]:
    """The pause that holds now: {until (seconds since the epoch), by, reason}; empty where there is none.

    A file that is not this account's own, or that others may write, is none.
    """
    try:
        with os.fdopen(safe_files.open_entry(state_directory.path(NAME)), "rb") as file:
            status, content = os.fstat(file.fileno()), file.read(_MOST_BYTES)
    except OSError:
        return {}
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        return {}
    since, now, said = status.st_mtime, time.time(), _parsed(content)
    try:
        until = end_of(str(said.get("until")), since)
    except (ValueError, OverflowError):
        until = since + WITHOUT_END
    until = min(until, since + LONGEST)
    if not since - CLOCK_SLACK <= now < until:
        return {}
    return {"until": until, "by": str(said.get("by") or "root"), "reason": str(said.get("reason") or "")}


def begin(until: str, by: str, reason: str) -> dict[str, Any]:
    """Have a pause from now on, in the place of any other; it is returned as by current().

    Raises ValueError where it would be over by now or last too long, OSError where it cannot be written.
    """
    now = time.time()
    end = end_of(until, now)
    if end <= now:
        raise ValueError(f"'{until}' is over already: by this host's clock it is {_iso(now)}")
    if end > now + LONGEST:
        raise ValueError(f"a pause lasts at most {LONGEST / 86400:g} days")
    said = {"until": _iso(end), "by": by, "reason": reason}
    atomic_write.replace(os.path.join(state_directory.made(), NAME), json.dumps(said).encode() + b"\n")
    return current()


def end() -> None:
    """Have no pause any more. Raises OSError where its file cannot be removed."""
    with contextlib.suppress(FileNotFoundError):
        safe_files.remove(state_directory.path(NAME))


def _iso(seconds: float) -> str:
    """To the second, rounded up, so that a pause is not over before it was to be."""
    whole = datetime.datetime.fromtimestamp(-(-seconds // 1), datetime.timezone.utc)
    return whole.isoformat().replace("+00:00", "Z")


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
