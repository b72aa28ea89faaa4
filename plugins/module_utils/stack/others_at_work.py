# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Others at work on the app: a deployment, an installation, a restored database, a copy, the system's package manager.

Two that work on the same tree undo each other's work, so they are waited for. What is at work is asked of the kernel:
where a process stands, what it has open and who holds a lock (proc(5), fcntl(2)). A name alone shows nothing.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import run_processes
from ansible_collections.rescue502.django.plugins.module_utils.services import change_tools, postgresql_sessions
from ansible_collections.rescue502.django.plugins.module_utils.services.git import top_of
from ansible_collections.rescue502.django.plugins.module_utils.stack import cold_copies
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, processes
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import is_below

POLL_SECONDS = 0.5
KEPT = 10
# A lock of git's that no process holds: one that is older is left over from a crash.
LOCK_SECONDS = 3600.0
# What the package managers lock while they change packages, and restart services.
PACKAGE_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/rpm/.rpm.lock")
_GIT_LOCKS = ("index.lock", "HEAD.lock")
# struct flock of fcntl(2), as the platform aligns it.
_FLOCK = "hhqqi4x"
# A path with fewer parts, such as /var, holds too much for a word that names it to be about the app.
_LEAST_PARTS = 2


@dataclass(frozen=True)
class App:
    """What others may be at work on: real paths of the app's folder and virtual environment, its unit and database.

    starts: what is about to be started ("app", "database"); a copy that is made while that is down is spoilt by it.
    """

    root: str
    venv: str = ""
    unit: str = ""
    database: str = ""
    starts: tuple[str, ...] = ()

    def places(self) -> list[str]:
        """The real paths of the app's tree, of its checkout and of its environment, and those as they are written."""
        given = [self.root, top_of(self.root), self.venv]
        return list(
            dict.fromkeys(path for item in given if item for path in (os.path.realpath(item), item.rstrip("/") or "/"))
        )


def wait(app: App, seconds: float) -> tuple[list[dict[str, Any]], float]:
    """(who is still at work after at most `seconds`, seconds waited). Items as in find()."""
    begun = time.monotonic()
    while True:
        found, waited = find(app), time.monotonic() - begun
        if not found or waited >= seconds:
            return found, waited
        time.sleep(min(POLL_SECONDS, max(0.0, seconds - waited)))


def find(app: App) -> list[dict[str, Any]]:
    """Who is at work on the app: {what, pid, account, since (seconds since the epoch), where}, at most KEPT.

    rescue502's own processes and those of the app's unit are left out. pid is 0 of a lock that no process is seen with.
    """
    places = app.places()
    found = [item for pid in _foreign(app) if (item := _of_process(pid, app, places))]
    pids = {item["pid"] for item in found}
    found += [item for item in _package_managers() if item["pid"] not in pids]
    found += _loading(app) if not found and app.database and "app" in app.starts else []
    return (found or _git_locks(app))[:KEPT]


def _foreign(app: App) -> list[int]:
    """Processes that are neither rescue502's own nor the app's."""
    own = run_processes.lineage()
    others = [pid for pid in processes.pids() if pid not in own and processes.command_words(pid)]
    return [
        pid
        for pid in others
        if not run_processes.is_of_a_run(pid) and not (app.unit and processes.unit_of(pid) == app.unit)
    ]


def _of_process(pid: int, app: App, places: list[str]) -> dict[str, Any] | None:
    """What a process does to the app, which is at these places; None where it does nothing."""
    words = processes.command_words(pid)
    what = change_tools.named(words)
    where = _where(pid, what, words, places) if what else ""
    if not where and (where := _writes(pid, app.venv, places)):
        what = what or os.path.basename(words[0])
    if not where:
        program = change_tools.of_database(words, lambda: _is_fed(pid))
        what, where = (program, "PostgreSQL") if program and _is_about(program, pid, words, app) else ("", "")
    if not where:
        what, where = _copies(pid, app, words, places)
    return _described(what, pid, where) if where else None


def _copies(pid: int, app: App, words: list[str], places: list[str]) -> tuple[str, str]:
    """(program, what it copies) of one that copies what is down meanwhile; both empty where it copies nothing."""
    program, where = change_tools.program_of(words), ""
    if "database" in app.starts:
        where = cold_copies.stopped_data_folder(pid)
    if not where and "app" in app.starts and program in cold_copies.COPYING:
        where = cold_copies.reads(pid, words, places)
        where = where if where and cold_copies.is_stopped(app.unit) else ""
    return (program, where) if where else ("", "")


def _where(pid: int, what: str, words: list[str], places: list[str]) -> str:
    """The place of the app's that a process which changes things stands in, has open or names; empty where none."""
    folder = processes.folder(pid)
    copies = what in change_tools.COPIES
    parts = [part for word in (words[-1:] if copies else words) for part in _paths(word)]
    named = [os.path.normpath(os.path.join(folder or "/", part)) for part in parts]
    held = [] if copies else [folder, *(path for path, _descriptor in processes.opened(pid))]
    for place in places:
        if any(is_below(path, place) for path in [*held, *named]):
            return place
        if any(path.count("/") >= _LEAST_PARTS and is_below(place, path) for path in named):
            return place
    return ""


def _paths(word: str) -> list[str]:
    """What of a word may be a path: all of it, and what stands behind = or :."""
    parts = [word, word.partition("=")[2], word.rpartition(":")[2] if ":" in word else ""]
    return [part for part in parts if "/" in part]


def _writes(pid: int, venv: str, places: list[str]) -> str:
    """A file of the environment, of git's or of the code that a process has open for writing, whatever it is called."""
    inner = [os.path.realpath(venv)] if venv else []
    inner += [os.path.join(place, ".git") for place in places]
    for path, descriptor in processes.opened(pid):
        within = any(is_below(path, place) for place in (places if path.endswith(".py") else inner))
        if within and processes.is_for_writing(descriptor):
            return path
    return ""


def _is_fed(pid: int) -> bool:
    """Whether psql works through a file, or is being given a dump by another program."""
    if processes.reads_a_file(pid):
        return True
    return processes.reads_a_pipe(pid) and postgresql_sessions.is_changing("psql")


def _is_about(program: str, pid: int, words: list[str], app: App) -> bool:
    """Whether a program changes the app's database, or all of a server's; of an unknown name any may be it."""
    if not app.database or change_tools.is_of_whole_server(program):
        return True
    named = [part for word in words[1:] for part in (word, word.rpartition("=")[2], word.rpartition("/")[2])]
    return app.database in (*named, processes.variable(pid, "PGDATABASE"))


def _loading(app: App) -> list[dict[str, Any]]:
    """Sessions that load a dump into the app's database: an app that is started meanwhile meets half of it."""
    found = [_described("COPY", pid, "PostgreSQL") for pid in postgresql_sessions.loading(app.database)]
    return [item for item in found if item]


def _package_managers() -> list[dict[str, Any]]:
    """The processes that hold the lock of the system's package manager: it restarts services when it ends."""
    holders = {pid: path for path in reversed(PACKAGE_LOCKS) if (pid := _lock_holder(path))}
    own = run_processes.lineage()
    found = [
        _described(os.path.basename((processes.command_words(pid) or ["a package manager"])[0]), pid, path)
        for pid, path in holders.items()
        if pid not in own and not run_processes.is_of_a_run(pid)
    ]
    return [item for item in found if item]


def _lock_holder(path: str) -> int:
    """The process that has a file locked (F_GETLK); 0 where none has, or this account may not ask."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return pid if kind != fcntl.F_UNLCK and pid > 0 else 0


def _git_locks(app: App) -> list[dict[str, Any]]:
    """Locks in the checkout that no process is seen with, young enough to be another host's or a container's."""
    top = top_of(app.root)
    found = []
    for name in _GIT_LOCKS if top else ():
        path = os.path.join(top, ".git", name)
        try:
            status = os.lstat(path)
        except OSError:
            continue
        if status.st_mtime > time.time() - min(LOCK_SECONDS, time.clock_gettime(time.CLOCK_BOOTTIME)):
            account = accounts.user_name(status.st_uid)
            found.append({"what": "git", "pid": 0, "account": account, "since": status.st_mtime, "where": path})
    return found


def _described(what: str, pid: int, where: str) -> dict[str, Any] | None:
    """A process in words; None where it has ended meanwhile."""
    try:
        since, owner = processes.started(pid), os.stat(f"/proc/{pid}").st_uid
        if processes.state(pid) == "Z":
            return None
    except OSError:
        return None
    return {"what": what, "pid": pid, "account": accounts.user_name(owner), "since": since, "where": where}
