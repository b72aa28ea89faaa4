# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PostgreSQL's last start ended on where starting it again cannot help, and whether that is still so.

The words are those of PostgreSQL's postmaster.c, miscinit.c, pqcomm.c and xlogrecovery.c, and of Debian's
pg_ctlcluster(1). What they name is looked at once more: what was repaired meanwhile is no reason any more.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import barrier
from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, WRITE, Account
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    missing_mounts,
    name_resolution,
    processes,
    sockets,
)

# Kinds of reasons, by the server's words.
_KINDS = (
    ("folder-mode", r'data directory "[^"]*" has (?:invalid permissions|group or world access)'),
    ("folder-owner", r'data directory "[^"]*" has wrong ownership|Data directory \S+ must not be owned by root'),
    (
        "no-data",
        r"Error: /\S+ is not accessible or does not exist|is not a database cluster directory"
        r'|data directory "[^"]+" does not exist|could not access directory "[^"]+": No such file',
    ),
    ("lock-held", r'lock file "[^"]*" already exists|Port conflict: another instance is already running'),
    ("port-taken", r"could not bind [^:]*: Address already in use"),
    ("no-address", r"could not bind [^:]*: Cannot assign requested address"),
    ("memory", r"could not (?:map anonymous|create) shared memory"),
    ("shared-memory-full", r"could not (?:resize|create|write to) shared memory segment .*No space left on device"),
    ("version", r"database files are incompatible with server"),
    (
        "damaged",
        r"could not locate (?:a valid|required) checkpoint record|required WAL directory"
        r"|incorrect checksum in control file|invalid data in file \"[^\"]*backup_label",
    ),
    ("key-file", r'private key file "[^"]*" (?:has group|must be)|could not load (?:server certificate|private key)'),
    ("library", r'could not (?:load library|access file) "'),
    ("denied", r"Permission denied"),
)
SAID_LENGTH = 300
_MESSAGE = re.compile(r"\b(?:LOG|ERROR|FATAL|PANIC|Error|pg_ctl): +(\S.*)")
_DETAIL = re.compile(r"\bDETAIL: +(\S.*)")
_READY = "ready to accept connections"
_PATH = re.compile(r'["\s](/[^"\s:]+)')
_PORT = re.compile(r"\bport (\d+)|\.s\.PGSQL\.(\d+)")
_ADDRESS = re.compile(r'could not bind IPv[46] address "([^"]+)"')
_PID = re.compile(r"\(PID (\d+)\)")
# Where dynamic shared memory is (shm_open(3)), and less than which the server's first segment needs.
_SHARED_MEMORY = "/dev/shm"
_LEAST_SHARED_MEMORY = 2**20
# Bits that no data folder may have, by what the server says of it.
_OPEN, _OPEN_TO_GROUP = 0o027, 0o077


def refusal(lines: list[str], folder: str, account: str, port: int, started: float) -> dict[str, Any]:
    """Why the server would end again: {kind, said, paths, holders, mount, mode, account, barrier}; kind may be empty.

    lines: of its last start, in seconds since the epoch. folder: that of its data. account: as whom it runs. port: its
    own, where the lines name none.
    """
    kind, line = kind_of(lines)
    named = paths(line)
    held = holders(lines, port) if kind in ("port-taken", "lock-held") else []
    barred = _barrier(named, account) if kind == "denied" else ""
    if kind and not _is_still_so(kind, line, folder, started, held, barred):
        kind = ""
    return {
        "kind": kind,
        "said": _said(lines, line) if kind else "",
        "paths": named if kind else [],
        "holders": held if kind else [],
        "mount": missing_mounts.above(folder) if kind == "no-data" else "",
        "mode": _mode(folder),
        "account": account,
        "barrier": barred if kind else "",
    }


def kind_of(lines: list[str]) -> tuple[str, str]:
    """The kind of what a start ended on, and the line; ("", "") where it is not known, or the server was ready."""
    if any(_READY in line for line in lines):
        return "", ""
    for kind, pattern in _KINDS:
        found = [line for line in lines if re.search(pattern, line)]
        if found:
            return kind, found[-1]
    return "", ""


def _said(lines: list[str], line: str) -> str:
    """A line from its severity on, what stands before being time and place, and the detail that follows it."""
    match = _MESSAGE.search(line)
    detail = _DETAIL.search("\n".join(lines).rpartition(line)[2].lstrip("\n").partition("\n")[0])
    said = match.group(1) if match else line
    return (f"{said} ({detail.group(1)})" if detail else said)[:SAID_LENGTH]


def paths(line: str) -> list[str]:
    """The absolute paths that a line names; a segment of shared memory by its file (shm_overview(7))."""
    named = dict.fromkeys(path.rstrip(",.;") for path in _PATH.findall(line))
    return [_SHARED_MEMORY + path if f'shared memory segment "{path}"' in line else path for path in named]


def holders(lines: list[str], port: int) -> list[str]:
    """Who holds the port or the data that the lines are about, in words; port: where they name none."""
    ports = [int(match.group(1) or match.group(2)) for match in map(_PORT.search, lines) if match]
    port = ports[-1] if ports else port
    found = [item for item in sockets.listeners() if item["port"] == port or item["path"].endswith(f".s.PGSQL.{port}")]
    pids = [int(item["pid"]) for item in found if port and item["pid"]]
    pids += [
        pid for match in map(_PID.search, lines) if match and os.path.exists(f"/proc/{(pid := int(match.group(1)))}")
    ]
    return [_described(pid) for pid in dict.fromkeys(pids)]


def _is_still_so(kind: str, line: str, folder: str, started: float, held: list[str], barred: str) -> bool:
    """Whether what the server named is still as it was, as far as can be seen."""
    if kind == "folder-mode":
        wrong = _OPEN_TO_GROUP if "group or world access" in line else _OPEN
        return bool(int(_mode(folder) or "0", 8) & wrong)
    if kind == "no-data":
        return not os.path.exists(os.path.join(folder, "PG_VERSION"))
    if kind in ("port-taken", "lock-held"):
        return bool(held)
    if kind == "no-address":
        # Where the host has got it meanwhile, as after a late network at boot, a start succeeds.
        match = _ADDRESS.search(line)
        return match is not None and not name_resolution.is_of_this_host(match.group(1))
    if kind == "shared-memory-full":
        return _free(_SHARED_MEMORY) < _LEAST_SHARED_MEMORY
    if kind == "denied" and paths(line):
        return bool(barred)
    return not any(_changed(path) > started for path in paths(line))


def _free(place: str) -> int:
    """The bytes that anybody may still write there; as many as are needed where that cannot be asked."""
    try:
        numbers = os.statvfs(place)
    except OSError:
        return _LEAST_SHARED_MEMORY
    return numbers.f_bavail * numbers.f_frsize


def _barrier(named: list[str], account: str) -> str:
    """The component that refuses the server's account one of the paths that it named."""
    try:
        who = Account(account, None)
    except KeyError:
        return ""
    return next((found for path in named if (found := _first_barrier(path, who))), "")


def _first_barrier(path: str, who: Account) -> str:
    """What bars the way to a path; to one that is to be made, what keeps it from being made in its folder."""
    if os.path.exists(path):
        return barrier.first(path, who)
    return barrier.first(os.path.dirname(path), who, WRITE | ENTER)


def _mode(folder: str) -> str:
    """A folder's mode in octal; empty where it is not there."""
    try:
        return f"{stat.S_IMODE(os.stat(folder).st_mode):04o}"
    except OSError:
        return ""


def _changed(path: str) -> float:
    """When a file or its owner and mode were last changed; 0 where it is not there."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0


def _described(pid: int) -> str:
    unit = processes.unit_of(pid)
    return f"pid {pid}, {processes.command_line(pid)[:120] or 'unknown'}{f', of {unit}' if unit else ''}"
