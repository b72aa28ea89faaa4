# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files: what the app's user cannot read, enter or write, though it must. Judged without becoming the user."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils import access, nginx_process
from ansible_collections.rescue502.django.plugins.module_utils.stack import Stack

LIMIT = 50
PARTS = ("code", "media", "env_file", "logs", "parents")


def collect(stack: Stack, settings: dict[str, Any] | None = None, glance: bool = False) -> dict[str, Any]:
    """Violations by part, each {path, part, problem, owner, group, mode, inode} with the values wanted.

    settings: what the rehearsal learnt of Django's settings; without it, nginx's locations tell media and static.
    glance: look at the first files only.
    """
    media, static = media_and_static(stack, settings)
    nginx = {"user": nginx_process.user(stack), "paths": nginx_process.paths(stack)}
    found = access.violations(
        root=stack.root,
        venv=stack.venv,
        user=stack.user,
        group=stack.group,
        media_root=media,
        env_files=stack.env_files,
        logs=log_files(stack, settings),
        parents_of=[stack.root, stack.venv],
        parts=list(PARTS),
        limit=LIMIT,
        glance=glance,
        proxy_user=nginx["user"],
        proxy_paths=nginx["paths"],
    )
    return {
        "violations": {part: [item for item in found if item["part"] == part] for part in PARTS},
        "media_root": media,
        "static_root": static,
        "static_empty": bool(static) and _is_empty(static),
        "logs": log_files(stack, settings),
        "nginx": nginx,
    }


def media_and_static(stack: Stack, settings: dict[str, Any] | None) -> tuple[str, str]:
    """MEDIA_ROOT and STATIC_ROOT: from the settings, else the folders that nginx serves at such paths."""
    by_path = {item["path"].strip("/"): item["folder"].rstrip("/") for item in stack.static_locations}
    facts = settings or {}
    return facts.get("media_root") or by_path.get("media", ""), facts.get("static_root") or by_path.get("static", "")


def log_files(stack: Stack, settings: dict[str, Any] | None) -> list[str]:
    """Log files that gunicorn or Django open themselves."""
    paths = [stack.server.errorlog, stack.server.accesslog, *((settings or {}).get("log_files") or [])]
    return sorted({path for path in paths if path.startswith("/") and not path.startswith("/dev/")})


def _is_empty(folder: str) -> bool:
    """Whether nothing is there to serve. A folder that does not exist is as empty as one without files."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True
    except OSError:
        return False
