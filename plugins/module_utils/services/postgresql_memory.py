# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shared memory of a PostgreSQL server that was removed while it runs, and whether systemd-logind removes it.

With RemoveIPC=yes, its default, logind removes what an account that is not a system account has in /dev/shm and of
System V's, when its last session ends (logind.conf(5); postgresql.org/docs/current/kernel-resources.html).
"""

from __future__ import annotations

import re
import subprocess
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

SECONDS = 2.0
_SEGMENT = re.compile(r" (/dev/shm/PostgreSQL\.\d+|/SYSV[0-9a-f]+) \(deleted\)$")
_ATTACHED = re.compile(r"^\s*\S+\s+(\d+)\s", re.MULTILINE)
_LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "RemoveIPC")
# login.defs(5) has SYS_UID_MAX; systemd's own is fixed as it is built, and this is Debian's and Fedora's.
MOST_SYSTEM_UID = 999


def removed(pid: int, account: str) -> dict[str, Any]:
    """{segments, remove_ipc, system_account}: names of what its main process still has and nobody can open any more.

    remove_ipc: whether logind is set to remove it; None where logind does not say.
    """
    segments = removed_segments(_text(f"/proc/{pid}/maps"), _text("/proc/sysvipc/shm"))
    if not segments:
        return {"segments": [], "remove_ipc": None, "system_account": None}
    try:
        is_system = accounts.account_ids(account, None)[0] <= MOST_SYSTEM_UID
    except KeyError:
        is_system = None
    return {"segments": segments, "remove_ipc": _remove_ipc(), "system_account": is_system}


def removed_segments(maps: str, system_v: str) -> list[str]:
    """The removed ones among what a process has mapped (proc(5)). system_v: the host's own (/proc/sysvipc/shm).

    One of System V's always stands as deleted in the maps: it counts where the host has no such id, the inode there.
    """
    known = set(_ATTACHED.findall(system_v))
    found = []
    for line in maps.splitlines():
        match = _SEGMENT.search(line)
        if match and (match.group(1).startswith("/dev/shm/") or line.split()[4] not in known):
            found.append(match.group(1))
    return list(dict.fromkeys(found))


def _remove_ipc() -> bool | None:
    try:
        done = subprocess.run(
            ["busctl", "get-property", *_LOGIND], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"b true": True, "b false": False}.get(done.stdout.strip())


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
