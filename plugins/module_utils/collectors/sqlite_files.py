# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SQLite's files that the app's account may not use: the database, its folder, and what lies next to it.

A database whose log or journal cannot be opened cannot be opened itself, for what was committed last may be in there.
Source: sqlite.org/tempfiles.html, sqlite.org/wal.html.
"""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access, barrier, unit_view

FILES = {
    "": "database",
    "-wal": "write-ahead log",
    "-shm": "index of the write-ahead log",
    "-journal": "rollback journal",
}


def refused(settings: dict[str, Any], account: access.Account, properties: dict[str, str]) -> list[dict[str, Any]]:
    """{path, what, barrier} of each of SQLite's files that the account may not read and write, as the kernel says.

    settings: what the rehearsal learnt of Django's settings. properties: the unit's: of a place that it alone sees
    nothing is said.
    """
    found: list[dict[str, Any]] = []
    for name in _databases(settings):
        if unit_view.is_own(name, properties):
            continue
        path = os.path.realpath(name)
        wanted = [(os.path.dirname(path), "folder", access.WRITE | access.ENTER)]
        wanted += [(path + end, what, access.READ | access.WRITE) for end, what in FILES.items()]
        for file, what, need in wanted:
            barred = barrier.first(file, account, need)
            if barred and barred not in [each["barrier"] for each in found]:
                found.append({"path": file, "what": what, "barrier": barred})
    return found


def _databases(settings: dict[str, Any]) -> list[str]:
    """The paths of the databases that are SQLite's, each once."""
    databases = (settings.get("databases") or {}).values()
    paths = [str(item.get("name")) for item in databases if str(item.get("engine")).startswith("sqlite")]
    return list(dict.fromkeys(path for path in paths if path.startswith("/")))
