# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files: what the app's user cannot read, enter or write, though it must. The kernel is asked as that user."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    closed_folders,
    owner_unknown,
    sqlite_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.files import access, barrier, unit_view, violations
from ansible_collections.rescue502.django.plugins.module_utils.files.file_look import Paths
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets
from ansible_collections.rescue502.django.plugins.module_utils.services import known_content
from ansible_collections.rescue502.django.plugins.module_utils.stack import (
    app_files,
    nginx_workers,
    own_folders,
    sqlite_access,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, systemd, unread

LIMIT = 50
MOST_LOOKED = 2000
_WORDS = {
    "code": "the code",
    "media": "uploads",
    "env_file": "environment files",
    "logs": "logs",
    "parents": "folders",
    "database": "databases",
}
PARTS = ("code", "media", "env_file", "logs", "parents")


def collect(
    stack: Stack, settings: dict[str, Any] | None = None, glance: bool = False, settings_bar: str = ""
) -> dict[str, Any]:
    """Violations by part, each {path, part, problem, owner, group, mode, inode} with the values wanted.

    settings: what the rehearsal learnt of Django's settings; without it, nginx's locations give media and static.
    glance: look at the first files only. settings_bar: why nothing could be learnt of the settings, where an account
    was in the way.
    """
    media, static = media_and_static(stack, settings)
    logs, refused = log_files(stack, settings), list[str]()
    folders = named_folders(stack)
    nginx_user, nginx_paths = nginx_workers.user(stack), nginx_workers.paths(stack, media)
    account = _account(stack.user, stack.group, stack.properties)
    paths = Paths(stack.root, stack.venv, media, stack.env_files, logs, nginx_paths)
    proxy, found = _account(nginx_user, "", {}), list[dict[str, Any]]()
    # An account that does not exist can do nothing wrong: that is another failure.
    if account is not None:
        word = own(stack, account, folders)
        knows = known_content.KnownContent(stack.root, stack.venv).has
        found = violations.find(account, paths, list(PARTS), LIMIT, glance, proxy, refused, word, knows)
        # Whose they are only root can see, and who has them open.
        if settings and os.geteuid() == 0:
            found += sqlite_access.find(sqlite_files.databases(settings), account, word, stack.properties)
    found = [item for item in found if item["part"] != "env_file" or app_secrets.holds_secret(item["path"])]
    found = _without_served(found, static)
    others = [item for item in found if item.get("objection")]
    more = [sqlite_access.PART] if any(item["part"] == sqlite_access.PART for item in found) else []
    parts = [*PARTS, *more]
    by_part = {part: [item for item in found if item["part"] == part and item not in others] for part in parts}
    # What is collected is where the app puts it.
    static_seen = unit_view.reached(static, stack.properties) if static else ""
    static_bar = unit_view.bar(stack.unit) if static_seen is None else settings_bar
    bars = _bars(stack, settings, media, refused, settings_bar)
    sqlite = _sqlite(stack, settings, account) if settings and account else {}
    unowned = owner_unknown.collect(stack, found, folders, account) if account else None
    return {
        "violations": {
            part: unread.reported(items, f"owners and modes: {_WORDS[part]}", *bars[part])
            for part, items in by_part.items()
        },
        # What is as wrong, and is not root's to give on the app's word.
        "not_own": {part: [item for item in others if item["part"] == part] for part in ("media", "logs", *more)},
        "named_folders": folders,
        **({"media_was_used": _has_files_of(media, account)} if by_part["media"] and account else {}),
        **({"unusable": _unusable(settings, account, stack.properties)} if settings and account else {}),
        **sqlite,
        **({"sqlite_databases": sqlite_files.databases(settings)} if settings and more else {}),
        **({} if unowned is None else {"unowned": unowned}),
        **({"closed": closed} if (closed := closed_folders.collect(found, stack.user)) else {}),
        "media_root": media,
        "static_root": static,
        "static_empty": unread.known(
            _is_empty(static_seen) if static_seen else False,
            "the static files",
            unread.sealed(static_seen) if static_seen else static_bar,
        ),
        **({"log_folders_missing": gone} if (gone := _log_folders_missing(stack, logs)) else {}),
        "logs": [path for path in logs if not any(_concerns(item, path) for item in others)],
        "nginx": {"user": nginx_user, "paths": nginx_paths},
    }


def _without_served(found: list[dict[str, Any]], static: str) -> list[dict[str, Any]]:
    """The violations, without those of code where all are among collected static files, of which the app loads none."""
    code, top = [item for item in found if item["part"] == "code"], os.path.realpath(static)
    served = bool(static) and all(filesystems.is_below(item["path"], top) for item in code)
    return [item for item in found if item["part"] != "code"] if served else found


def _sqlite(stack: Stack, settings: dict[str, Any], account: access.Account) -> dict[str, Any]:
    """What is to be said of SQLite's files: only what is there to be said."""
    # The environment often lies next to the code, where the unit works elsewhere.
    near = [os.path.dirname(stack.venv)] if stack.venv else []
    found = {
        "sqlite_refused": sqlite_files.refused(settings, account, stack.properties),
        "sqlite_writers": sqlite_files.writers(settings),
        "sqlite_others": sqlite_files.others(settings, stack.cwd, [stack.root, stack.cwd, *near]),
    }
    return {name: items for name, items in found.items() if items}


def _has_files_of(folder: str, account: access.Account) -> bool:
    """Whether the account has made something there, among the first MOST_LOOKED entries. Links are not followed."""
    seen = 0
    for path, folders, names in os.walk(folder):
        for name in (*folders, *names):
            seen += 1
            try:
                if os.lstat(os.path.join(path, name)).st_uid == account.uid:
                    return True
            except OSError:
                continue
        if seen > MOST_LOOKED:
            break
    return False


def _unusable(settings: dict[str, Any], account: access.Account, properties: dict[str, str]) -> list[dict[str, Any]]:
    """{path, purpose, missing, read_only, barrier} of each folder that Django cannot write into though it would.

    properties: the unit's, which may have another folder in that place, or one that nobody can look at.
    """
    found = []
    for item in settings.get("file_folders") or []:
        path = item["path"]
        seen = unit_view.reached(path, properties)
        if seen is None:
            continue
        missing = path.startswith("/") and not os.path.isdir(seen) and not unread.hidden(seen)
        # What makes the folder itself needs the next one above it that is there.
        target = filesystems.existing(path) if missing and item["made"] else path
        barred = barrier.first(target, account, access.WRITE | access.ENTER) if path.startswith("/") else ""
        read_only = path.startswith("/") and _is_read_only(seen if seen != path else filesystems.existing(path))
        if barred or read_only or (missing and not item["made"]):
            facts = {"missing": missing, "read_only": read_only, "barrier": barred}
            found.append({"path": path, "purpose": item["purpose"], **facts})
    return found


def _is_read_only(path: str) -> bool:
    """Whether a path lies on a file system that is mounted for reading only."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def named_folders(stack: Stack) -> list[str]:
    """Folders, and log files, that root's own files name for this app: its unit, and nginx's locations of its site."""
    files = {item["file"] for item in stack.roots_locations}
    served = [item["folder"] for item in stack.static_locations if item["file"] in files]
    more = [*app_files.sockets(stack), *stack.word.paths()]
    return own_folders.named(stack.unit, stack.properties, served, more)


def own(stack: Stack, account: access.Account, folders: list[str]) -> own_folders.OwnFolders:
    """The app's own folders, which may be given to its account."""
    return own_folders.OwnFolders(stack.root, stack.venv, stack.env_files, account, folders)


def _account(user: str, group: str, properties: dict[str, str]) -> access.Account | None:
    """The account, as the unit of these properties runs it; None where there is no such account."""
    try:
        return access.Account.of_unit(user, group, properties)
    except KeyError:
        return None


def _concerns(item: dict[str, Any], log: str) -> bool:
    """Whether it is about this log: the file itself, or a folder above it."""
    return bool(item["part"] == "logs") and filesystems.is_below(log, item["path"])


def _bars(
    stack: Stack, settings: dict[str, Any] | None, media: str, refused: list[str], settings_bar: str
) -> dict[str, list[str]]:
    """The reasons, by part, why this account may have overlooked a file that the app cannot use."""
    below_media = [path for path in refused if media and (path + "/").startswith(media + "/")]
    by_account = {path: unread.sealed(path) or unread.hidden(os.path.join(path, ".")) for path in refused}
    parents = [unread.hidden(os.path.dirname(path)) for path in (stack.root, stack.venv) if path]
    return {
        "code": [by_account[path] for path in refused if path not in below_media],
        "media": [*(by_account[path] for path in below_media), "" if media else settings_bar],
        "env_file": [unread.hidden(path) for path in (*stack.env_files, os.path.join(stack.root, ".env"))],
        "logs": [*(unread.hidden(path) for path in log_files(stack, settings)), settings_bar],
        "parents": parents,
        "database": [],
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


def _log_folders_missing(stack: Stack, logs: list[str]) -> list[dict[str, Any]]:
    """{path, named}: folders of logs that are not there and that systemd does not make at a start.

    named: whether root's own files name the log, so that its folder may be made.
    """
    made = [f"/var/log/{name}" for name in systemd.words(stack.properties.get("LogsDirectory", ""))]
    by_root = stack.word.paths()
    folders = {os.path.dirname(path): False for path in logs}
    folders |= {os.path.dirname(path): True for path in logs if path in by_root}
    return [
        {"path": folder, "named": named}
        for folder, named in sorted(folders.items())
        if not os.path.lexists(folder) and not unread.hidden(folder) and folder not in made
    ]


def _is_empty(folder: str) -> bool:
    """Whether nothing is there to serve. A folder that does not exist is as empty as one without files."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True
    except OSError:
        return False
