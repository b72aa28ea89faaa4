# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps the app from its files and was closed on purpose: no copy, deploy or edit leaves it like that."""

from __future__ import annotations

import os
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

_PARTS = ("code", "parents", "env_file", "logs")
# An account may be expired by a rule of the house, and lose a log to root all the same.
_WITH_ITS_ACCOUNT = ("code", "parents")


def collect(violations: list[dict[str, Any]], user: str) -> dict[str, str]:
    """{path, why} of the first such file or folder; empty where none is, or where only root could say so.

    violations: what the app's account cannot use, each {path, part}. user: that account.
    """
    if os.geteuid() != 0:
        return {}
    for item in violations:
        if item["part"] in _PARTS and _is_shut(item["path"]):
            return {"path": item["path"], "why": "is root's and has the mode 0000, which nobody sets by mistake"}
    closed = [item["path"] for item in violations if item["part"] in _WITH_ITS_ACCOUNT]
    day = accounts.expired_on(user) if closed else ""
    return {"path": closed[0], "why": f"is closed to {user}, whose account expired on {day}"} if day else {}


def _is_shut(path: str) -> bool:
    """Whether it belongs to root, and its mode lets nobody do anything."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_uid == 0 and not stat.S_ISLNK(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o777
