# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why the database server cannot run: its words when it was last started, and whether its data has room."""

from __future__ import annotations

import calendar
import glob
import os
import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    postgresql_files,
    postgresql_refusals,
    postgresql_words,
)
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    filesystems,
    journal,
    required_units,
    systemd,
    unread,
)

LINES = 300
REASON_LENGTH = 400
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? (\w+)")
_REASON = re.compile(r"\b(?:FATAL|PANIC|ERROR|Error|pg_ctl|initdb|postgres): +(\S.*)")
_DETAIL = re.compile(r"\bDETAIL: +(\S.*)")
# What a session was answered is not a reason for the server; nor is what always follows a reason.
_NO_REASON = re.compile(
    r"the database system is |terminating |authentication failed|role \"|database \"|connection slots|too many c"
    r"|no pg_hba|permission denied for|relation |exited with status|could not start server|unsupported frontend"
)
_NO_ROOM = re.compile(r"No space left on device|could not (?:write|extend|fsync)|Disk quota exceeded")
_PLACES = (
    re.compile(r"in file \"(?P<file>[^\"]+)\" line (?P<line>\d+)"),
    re.compile(r"line (?P<line>\d+) of (?:configuration )?file \"(?P<file>[^\"]+)\""),
    re.compile(r"invalid line (?P<line>\d+) in (?P<file>/[^:]+):"),
    re.compile(r"could not (?:open|access)[a-z ]* file \"(?P<file>[^\"]+\.conf)\"(?P<line>)"),
)
_ERRORS_IN = re.compile(r"configuration file \"(?P<file>[^\"]+)\" contains errors")
_PARAMETER = re.compile(r"parameter \"(\w+)\"")


def collect(unit_names: list[str], port: int) -> dict[str, Any]:
    """The latest start of the first unit that is not well, else of the first one: reason, place in a configuration.

    unit_names: the units that run a server. port: where the app looks for it. {unit, started, reason, no_room, file,
    line, edited_since, dependencies, refusal, data}. dependencies: as of
    required_units.broken(), of all units that are not well.
    """
    units = [systemd.show(name) for name in unit_names]
    bad = [shown for shown in units if shown.get("ActiveState") != "active"]
    if not units:
        return {"unit": "", "reason": "", "no_room": "", "file": "", "line": 0, "edited_since": False, "data": {}}
    shown = (bad or units)[0]
    folder = postgresql_files.of_unit(shown)
    started = _since_epoch(shown.get("InactiveExitTimestampMonotonic", ""))
    log = _log_file(shown.get("Id", ""), folder)
    said = _journal(shown.get("Id", ""), started) + lines_since(log, started)
    lines = postgresql_words.lines(said, shown.get("Id", ""))
    file, line = place(lines)
    bars = _bars(shown, started, log or folder)
    no_room = next((item[:REASON_LENGTH] for item in map(_message, reversed(lines)) if _NO_ROOM.search(item)), "")
    return {
        "unit": shown.get("Id", ""),
        "started": round(started, 3),
        "reason": unread.reported(reason(lines), "PostgreSQL's log", *bars),
        "no_room": unread.reported(no_room, "PostgreSQL's log", *bars),
        "file": unread.reported(file, "PostgreSQL's log", *bars),
        "line": line,
        # Where somebody has repaired the file meanwhile, what the log says of it is no longer true.
        "edited_since": bool(file) and filesystems.modified(file) > started,
        "dependencies": [found for unit in bad for found in required_units.broken(unit)],
        "refusal": _refusal(shown, lines if shown in bad else [], folder, port, started),
        "data": _room(folder),
    }


def _refusal(shown: dict[str, str], lines: list[str], folder: str, port: int, started: float) -> dict[str, Any]:
    """Why the server would end at its next start too, in the words of a start that failed."""
    account = shown.get("User", "")
    if account in ("", "root"):
        # Debian's pg_ctlcluster starts as root, and becomes the owner of the data.
        account = filesystems.owner(folder)
    return postgresql_refusals.refusal(lines, folder, account if account != "root" else "postgres", port, started)


def _bars(shown: dict[str, str], started: float, log: str) -> list[str]:
    """Why this account may have overlooked a reason. A server that was stopped in good order gave none."""
    in_order = shown.get("ActiveState") == "inactive" and shown.get("Result") == "success"
    return [journal.barred(), unread.sealed(log) if log else ""] if started and not in_order else []


def reason(lines: list[str]) -> str:
    """PostgreSQL's own last word on why it does not run; empty where it gave none."""
    for index in range(len(lines) - 1, -1, -1):
        match = _REASON.search(lines[index])
        if match and not _NO_REASON.search(match.group(1)):
            # After "invalid line 8 in FILE" stands the line itself, which could hold a password.
            said = re.sub(r"^(invalid line \d+ in [^:]+):.*", r"\1", match.group(1))
            detail = _DETAIL.search(lines[index + 1]) if index + 1 < len(lines) else None
            return (f"{said} ({detail.group(1)})" if detail else said)[:REASON_LENGTH]
    return ""


def place(lines: list[str]) -> tuple[str, int]:
    """File and line of the configuration that the last start stumbled over; ("", 0) where it did not."""
    for line in reversed(lines):
        for pattern in _PLACES:
            match = pattern.search(line)
            if match:
                return match.group("file"), int(match.group("line") or 0)
    # A value that does not fit is reported with the parameter's name alone.
    for index, line in enumerate(lines):
        whole = _ERRORS_IN.search(line)
        named = [match.group(1) for match in map(_PARAMETER.search, lines[:index]) if match]
        if whole:
            return _line_of(named[-1], whole.group("file")) if named else (whole.group("file"), 0)
    return "", 0


def _line_of(parameter: str, file: str) -> tuple[str, int]:
    """Where a parameter is set for the last time: in the file itself or in a folder of its own next to it."""
    pattern = re.compile(rf"(?i)^\s*{parameter}\b\s*=?")
    for path in [
        *sorted(glob.glob(os.path.join(glob.escape(os.path.dirname(file)), "*.d", "*.conf")), reverse=True),
        file,
    ]:
        numbers = [number for number, line in enumerate(_text(path).splitlines(), 1) if pattern.match(line)]
        if numbers:
            return path, numbers[-1]
    return file, 0


def _message(line: str) -> str:
    """A log line from its severity on: what stands before is time and place."""
    match = re.search(r"\b(?:LOG|ERROR|FATAL|PANIC|WARNING|Error): .*", line)
    return match.group(0) if match else line


def _journal(unit: str, started: float) -> list[str]:
    """The lines of the unit's processes at its last real start; later refusals of systemd are none."""
    found = journal.entries("-u", unit, f"--since=@{int(started)}", lines=LINES) if started else []
    own = [entry for entry in found if entry.pid != "1" and entry.invocation]
    # One entry may hold several lines.
    return [text for entry in own if entry.invocation == own[-1].invocation for text in entry.message.splitlines()]


def _log_file(unit: str, folder: str) -> str:
    """The server's own log: Debian's place for an instance, else the newest file in the data folder's `log`."""
    match = postgresql_files.INSTANCE.search(unit)
    if match:
        return "/var/log/postgresql/postgresql-{}-{}.log".format(*match.groups())
    found = (
        [path for name in ("log", "pg_log") for path in glob.glob(os.path.join(glob.escape(folder), name, "*"))]
        if folder
        else []
    )
    return max(found, key=filesystems.modified, default="")


def lines_since(path: str, started: float) -> list[str]:
    """Lines of a log from a time on; a line without a time belongs to the one before."""
    lines, kept = edge.tail(path).splitlines() if path and started else [], []
    recent = False
    for line in lines:
        match = _STAMP.match(line)
        if match:
            parsed = time.strptime(match.group(1), "%Y-%m-%d %H:%M:%S")
            seconds = calendar.timegm(parsed) if match.group(2) in ("UTC", "GMT") else time.mktime(parsed)
            recent = seconds >= int(started)
        if recent:
            kept.append(line)
    return kept[-LINES:]


def _since_epoch(monotonic: str) -> float:
    """A monotonic time of systemd's, in microseconds, as seconds since the epoch; 0 where there is none."""
    return time.time() - time.monotonic() + int(monotonic) / 1e6 if monotonic.isdigit() and monotonic != "0" else 0.0


def _room(folder: str) -> dict[str, Any]:
    """The data folder and what is free where it lives, as an ordinary account sees it."""
    try:
        numbers = os.statvfs(folder)
    except (OSError, ValueError):
        return {"folder": folder}
    block = numbers.f_frsize
    return {
        "folder": folder,
        "free_mib": filesystems.mib(numbers.f_bavail * block),
        "total_mib": filesystems.mib(numbers.f_blocks * block),
        "inodes": numbers.f_files,
        "free_inodes": numbers.f_favail,
    }


def _text(path: str) -> str:
    try:
        return safe_files.text(path)
    except OSError:
        return ""
