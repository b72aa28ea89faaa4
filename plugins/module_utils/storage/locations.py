# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Places of an app and its database, each with what it is for, and what happens when nothing more can be kept there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

Place = dict[str, Any]
# Where Python looks for a folder of temporary files, in this order (tempfile.gettempdir).
TEMPORARY = ("TMPDIR", "TEMP", "TMP")
USUAL_TEMPORARY = ("/tmp", "/var/tmp", "/usr/tmp")


def needed(
    stack: Stack,
    database: dict[str, Any],
    logs: list[str],
    uploads: str,
    static: str,
    folders: Sequence[dict[str, Any]] = (),
) -> list[Place]:
    """{path, purpose, vital, writes} of each place. folders: further ones that Django writes into, with their purpose.

    database: its evidence, with `folders`, the data folders on this host. vital: without space there the app or its
    database ends; logs that cannot grow, or uploads that cannot be kept, do not end it. writes: it must be opened for
    writing as the app or its database starts.
    """
    found = [_place(path, "the database", vital=True, writes=True) for path in database_paths(database)]
    found += [_place(path, "sockets and pid files", vital=True, writes=True) for path in _run_paths(stack)]
    found += [_place(path, "logs", writes=True) for path in logs]
    found += [_place(path, "temporary files", vital=path == stack.server.worker_tmp_dir) for path in temporary(stack)]
    found += [_place(path, what) for path, what in ((uploads, "uploads"), (static, "static files"))]
    found += [_place(item["path"], item["purpose"]) for item in folders]
    found += [_place(path, "the code") for path in (stack.root, stack.venv)]
    return [place for place in found if place["path"].startswith("/")]


def temporary(stack: Stack) -> list[str]:
    """Folders for temporary files that the app's user may write to: the one that gunicorn insists on, or several."""
    if stack.server.worker_tmp_dir:
        return [stack.server.worker_tmp_dir]
    named = [stack.environment[name] for name in TEMPORARY if stack.environment.get(name)]
    return [path for path in (*named, *USUAL_TEMPORARY, stack.cwd) if _may_write(stack, path)]


def database_paths(database: dict[str, Any]) -> list[str]:
    """Data folders of PostgreSQL, or the folder of an SQLite file; none where the database is on another host."""
    if database.get("engine", "").startswith("sqlite"):
        return [os.path.dirname(database["name"])] if str(database.get("name", "")).startswith("/") else []
    if database.get("local") is not True or not database.get("used"):
        return []
    return [path for folder in database.get("folders", []) for path in postgresql_files.parts(folder)]


def _place(path: str, purpose: str, vital: bool = False, writes: bool = False) -> Place:
    return {"path": path, "purpose": purpose, "vital": vital, "writes": writes}


def _run_paths(stack: Stack) -> list[str]:
    """Folders of the sockets and the pid file that gunicorn makes itself when it starts."""
    sockets = [
        bind["path"] for bind in stack.bind if bind["kind"] == "unix" and not stack.properties.get("TriggeredBy")
    ]
    return [os.path.dirname(path) for path in (*sockets, stack.server.pidfile) if path.startswith("/")]


def _may_write(stack: Stack, path: str) -> bool:
    try:
        account = access.Account(stack.user, stack.group)
        return account.may(os.stat(path), access.WRITE | access.ENTER)
    except (KeyError, OSError):
        return False
