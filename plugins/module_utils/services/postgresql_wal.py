# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write-ahead log that PostgreSQL keeps though it does not need it itself: for whom, as its own files say.

A server that ran out of space cannot be asked. Its control file says from where on it needs the log; what is older is
kept for a replication slot, an archive that does not take it, or wal_keep_size. Sources: postgresql.org/docs/current/
wal-configuration.html, app-pgcontroldata.html, continuous-archiving.html.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_words
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems

ASK_SECONDS = 2.0
LOG_TAIL = 16384
_SEGMENT = re.compile(r"^[0-9A-F]{24}$")
_VERSION = re.compile(r"^\d+(\.\d+)?$")
_REDO = re.compile(r"REDO WAL file: +([0-9A-F]{24})")


def kept(folder: str) -> dict[str, Any]:
    """{folder, mib, unarchived, slots} of the log from before the last checkpoint; empty where nothing is known of it.

    folder: the data folder. unarchived: how many of its files wait for the archive. slots: [{name, hours}] of
    replication slots that have not moved on since the newest of these files was written, and for how many hours.
    """
    place = os.path.realpath(os.path.join(folder, "pg_wal"))
    redo = _redo(folder)
    try:
        names = sorted(name for name in os.listdir(place) if _SEGMENT.match(name)) if redo else []
        # The first eight digits are the time line.
        old = {name: os.stat(os.path.join(place, name)) for name in names if name[8:] < redo[8:]}
    except OSError:
        return {}
    if not old:
        return {}
    waiting = [name for name in old if os.path.exists(os.path.join(place, "archive_status", name + ".ready"))]
    return {
        "folder": place,
        "mib": filesystems.mib(sum(status.st_size for status in old.values())),
        "unarchived": len(waiting),
        "slots": _slots(folder, max(status.st_mtime for status in old.values())),
    }


def ran_out_of_space(folder: str) -> bool:
    """Whether the server's last words were that the file system is full: it needs 16 MiB in one piece for its log."""
    cluster = "-".join(folder.split("/")[-2:])
    logs = glob.glob(os.path.join(glob.escape(folder), "*log", "*")) + glob.glob(f"/var/log/postgresql/*{cluster}.log")
    try:
        newest = max(logs, key=os.path.getmtime)
        with open(newest, "rb") as file:
            file.seek(max(0, os.path.getsize(newest) - LOG_TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()[-20:]
    except (OSError, ValueError):
        return False
    return any("No space left on device" in line for line in postgresql_words.lines(lines))


def _redo(folder: str) -> str:
    """The file of the log that the server needs to recover, by pg_controldata; empty where that cannot be asked."""
    account = filesystems.owner(folder)
    try:
        version = safe_files.text(os.path.join(folder, "PG_VERSION")).strip()
    except OSError:
        return ""
    if not _VERSION.match(version) or account in ("", "root"):
        return ""
    places = (f"/usr/lib/postgresql/{version}/bin", f"/usr/pgsql-{version}/bin")
    usual = [path for path in (os.path.join(place, "pg_controldata") for place in places) if os.path.exists(path)]
    program = usual[0] if usual else shutil.which("pg_controldata")
    if not program:
        return ""
    try:
        done = commands.run_as(account, None, [program, "-D", folder], {"LC_ALL": "C"}, "/", ASK_SECONDS)
    except KeyError:
        return ""
    match = _REDO.search(done.stdout)
    return match.group(1) if match else ""


def _slots(folder: str, since: float) -> list[dict[str, Any]]:
    """{name, hours} of the replication slots whose state was last saved before that time: at each checkpoint one is
    that has moved on.
    """
    place = os.path.join(folder, "pg_replslot")
    try:
        saved = {name: filesystems.modified(os.path.join(place, name, "state")) for name in sorted(os.listdir(place))}
    except OSError:
        return []
    return [
        {"name": name, "hours": round((time.time() - when) / 3600, 1)}
        for name, when in saved.items()
        if 0 < when < since
    ]
