# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SQLite's files: those that the app's account may not use, who has one locked, and other databases near the app's.

A database whose log or journal cannot be opened cannot be opened itself, for what was committed last may be in there.
Source: sqlite.org/tempfiles.html, sqlite.org/wal.html, sqlite.org/lockingv3.html, proc_locks(5).
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access, barrier, safe_files, unit_view
from ansible_collections.rescue502.django.plugins.module_utils.services import sqlite_format
from ansible_collections.rescue502.django.plugins.module_utils.system import processes


def refused(settings: dict[str, Any], account: access.Account, properties: dict[str, str]) -> list[dict[str, Any]]:
    """{path, what, barrier} of each of SQLite's files that the account may not read and write, as the kernel says.

    settings: what the rehearsal learnt of Django's settings. properties: the unit's: of a place that it alone sees
    nothing is said.
    """
    found: list[dict[str, Any]] = []
    for name in databases(settings):
        if unit_view.is_own(name, properties):
            continue
        path = os.path.realpath(name)
        wanted = [(os.path.dirname(path), "folder", access.WRITE | access.ENTER)]
        wanted += [(path + end, what, access.READ | access.WRITE) for end, what in sqlite_format.FILES.items()]
        for file, what, need in wanted:
            barred = barrier.first(file, account, need)
            if barred and barred not in [each["barrier"] for each in found]:
                found.append({"path": file, "what": what, "barrier": barred})
    return found


# Where in a database its locks lie: pending, reserved, and 510 bytes for readers, which a writer takes as a whole.
_PENDING, _READERS_END = 0x40000000, 0x40000000 + 512
# Where in the index of a write-ahead log the lock lies that a writer takes.
_WAL_WRITE = 120
_ENDINGS = (".sqlite3", ".sqlite", ".db", ".db3")
# Folders of code, and of what is served, in which nobody keeps a database.
_NOT_THERE = frozenset(
    {".git", "__pycache__", "node_modules", "site-packages", "lib", "static", "staticfiles", "media"}
)
_MOST_LOOKED = 3000
KEPT = 5


def writers(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """{path, pid, command, account, unit, seconds} of each process that holds a lock by which nobody else may write.

    Such a lock is held for moments where all is well. seconds: the age of the process.
    """
    found: dict[int, dict[str, Any]] = {}
    for name in databases(settings):
        path = os.path.realpath(name)
        for pid in _lockers(path):
            found.setdefault(pid, {"path": path, "pid": pid, **_process(pid)})
    return list(found.values())[:KEPT]


def _lockers(path: str) -> Iterator[int]:
    """The processes that hold a database's lock for writing, by the kernel's own list."""
    places = {}
    for end, is_writers in (("", lambda first: _PENDING <= first < _READERS_END), ("-shm", _WAL_WRITE.__eq__)):
        try:
            status = os.stat(path + end)
        except OSError:
            continue
        places[f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"] = is_writers
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as file:
            rows = [line.split() for line in file]
    except OSError:
        return
    for row in rows:
        # What waits for a lock has an arrow in front of its kind.
        if len(row) < 8 or row[3] != "WRITE" or row[5] not in places or not row[4].isdigit() or row[4] == "0":
            continue
        if row[6].isdigit() and places[row[5]](int(row[6])):
            yield int(row[4])


def _process(pid: int) -> dict[str, Any]:
    try:
        account = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
        seconds = round(max(0.0, time.time() - processes.started(pid)))
    except (OSError, KeyError):
        account, seconds = "", 0
    about = {"command": processes.command_line(pid)[:200], "unit": processes.unit_of(pid)}
    return {**about, "account": account, "seconds": seconds}


def others(settings: dict[str, Any], cwd: str, folders: list[str]) -> list[dict[str, Any]]:
    """{path, mib, modified} of SQLite's databases in these folders that are not the app's own, the largest first.

    cwd: where a relative name begins. modified: in seconds since the epoch. Nothing where SQLite is not used.
    """
    databases = [item for item in (settings.get("databases") or {}).values() if _is_sqlites(item)]
    own = {os.path.realpath(os.path.join(cwd, str(item.get("name")))) for item in databases}
    found: dict[str, dict[str, Any]] = {}
    for folder in dict.fromkeys(folders if databases else ()):
        for entry in safe_files.walk(os.path.realpath(folder), skip_names=_NOT_THERE, many=_MOST_LOOKED):
            if not entry.is_dir and entry.path not in own and _is_database(entry.path):
                size = round(entry.st.st_size / 2**20, 3)
                found[entry.path] = {"path": entry.path, "mib": size, "modified": int(entry.st.st_mtime)}
    return sorted(found.values(), key=lambda item: -float(item["mib"]))[:KEPT]


def _is_database(path: str) -> bool:
    """Whether a file's name and its first bytes are those of a SQLite database."""
    try:
        return path.endswith(_ENDINGS) and safe_files.read_bytes(path, len(sqlite_format.HEAD)) == sqlite_format.HEAD
    except OSError:
        return False


def _is_sqlites(database: dict[str, Any]) -> bool:
    return str(database.get("engine")).startswith("sqlite")


def databases(settings: dict[str, Any]) -> list[str]:
    """The paths of the databases that are SQLite's, each once."""
    databases = (settings.get("databases") or {}).values()
    paths = [str(item.get("name")) for item in databases if _is_sqlites(item)]
    return list(dict.fromkeys(path for path in paths if path.startswith("/")))
