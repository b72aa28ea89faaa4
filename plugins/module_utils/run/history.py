# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The history of this host's repairs, a JSON line each, in the state folder: so that nothing is tried without end.

A run that is to change something leaves a line for each remedy that is planned, before the first of them begins; one
for all that it did, when it has come to its end; and one when what it changed is taken back.
"""

from __future__ import annotations

import datetime
import json
import os
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory

MOST_BYTES = 1_000_000
NAME = "history.jsonl"
BEGUN, CONCLUDED, UNDONE = "begun", "concluded", "undone"
# The outcome of a run that was not in vain.
RECOVERED = "recovered"


def append(event: str, facts: list[dict[str, Any]]) -> None:
    """Add lines, on the disk before this returns. Raises OSError where that cannot be."""
    now = time.time()
    when = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).isoformat(timespec="seconds")
    text = "".join(json.dumps({"time": now, "when": when, "event": event, **fact}) + "\n" for fact in facts)
    path = os.path.join(state_directory.made(), NAME)
    _rotate(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def recent(window: float) -> list[dict[str, Any]]:
    """The entries within `window` seconds of now, the oldest first; lines that are not JSON are passed over.

    Times ahead of now count too: a clock that was set back must not make a host forget.
    """
    now = time.time()
    return [fact for fact in _read() if abs(now - fact["time"]) <= window]


def times(tried: list[dict[str, Any]], unit: str, remedy: str, cause: str) -> tuple[int, int]:
    """(runs in vain, runs after which the site was well), by recent(), of a remedy for a cause of this unit.

    Not those that were interrupted, or never came to that remedy, and not those that somebody has taken back.
    """
    undone = {fact.get("incident") for fact in tried if fact["event"] == UNDONE}
    runs = [
        fact
        for fact in tried
        if fact["event"] == CONCLUDED and fact.get("unit") == unit and fact.get("incident") not in undone
    ]
    applied = [run for run in runs if any(_is_for(action, remedy, cause) for action in _list(run.get("actions")))]
    well = sum(run.get("outcome") == RECOVERED for run in applied)
    return len(applied) - well, well


def _is_for(action: Any, remedy: str, cause: str) -> bool:
    return isinstance(action, dict) and action.get("remedy") == remedy and cause in _list(action.get("for"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def has_begun(incident: str) -> bool:
    """Whether a run has left a line of what it was about to do here."""
    return any(fact["event"] == BEGUN and fact.get("incident") == incident for fact in _read())


def _read() -> list[dict[str, Any]]:
    path = os.path.join(state_directory.STATE, NAME)
    lines = [line for name in (path + ".1", path) for line in _lines(name)]
    facts = [fact for line in lines if isinstance(fact := _parsed(line), dict)]
    return [fact for fact in facts if isinstance(fact.get("time"), (int, float)) and "event" in fact]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        # The last line of a host that lost its power.
        return None


def _rotate(path: str) -> None:
    """Begin a new file where this one has grown large; of the old ones the last is kept."""
    try:
        if os.stat(path).st_size > MOST_BYTES:
            os.replace(path, path + ".1")
    except FileNotFoundError:
        pass
