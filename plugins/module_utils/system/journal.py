# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal's newest entries (journalctl(1), systemd.journal-fields(7))."""

from __future__ import annotations

import glob
import json
import os
import subprocess
import time
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.system import unread

LINES = 200
TIMEOUT = 4.0


class Entry(NamedTuple):
    """Seconds since the epoch, the message, the process that wrote it, and the start of the unit that it belongs to."""

    when: float
    message: str
    pid: str
    invocation: str


def entries(*words: str, lines: int = LINES, timeout: float = TIMEOUT) -> list[Entry]:
    """Entries that journalctl finds, the newest last, at most `lines`; none where it does not answer in time.

    Messages that are not text are left out. timeout: in seconds.
    """
    fields = "--output-fields=MESSAGE,_PID,_SYSTEMD_INVOCATION_ID"
    command = ["journalctl", *words, "-n", str(lines), "-o", "json", fields, "--no-pager", "-q"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [entry for entry in map(_parsed, done.stdout.splitlines()) if entry]


def of_manager(unit: str, seconds: float, lines: int = LINES) -> list[Entry]:
    """What systemd itself has logged of a unit in the last `seconds`, the newest last; of at most `lines` entries."""
    since = time.time() - seconds
    return [entry for entry in entries(f"UNIT={unit}", "_PID=1", lines=lines) if entry.when > since]


def barred() -> str:
    """Why this account does not see other accounts' entries, and the system's; empty where it does."""
    files = [path for top in ("/var", "/run") for path in glob.glob(f"{top}/log/journal/*/system.journal")]
    if os.geteuid() == 0 or any(os.access(path, os.R_OK) for path in files):
        return ""
    return f"{unread.account()} is in neither of the groups systemd-journal and adm"


def _parsed(line: str) -> Entry | None:
    try:
        fields = json.loads(line)
        message, when = fields["MESSAGE"], int(fields["__REALTIME_TIMESTAMP"]) / 1e6
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(message, str):
        return None
    return Entry(when, message, str(fields.get("_PID", "")), str(fields.get("_SYSTEMD_INVOCATION_ID", "")))
