# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the app is to listen: who holds the address, and what lies in the way of the app's socket or pid file."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import bind_bars, files
from ansible_collections.rescue502.django.plugins.module_utils.files import access, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_files, own_folders
from ansible_collections.rescue502.django.plugins.module_utils.stack.roots_word import WORKER_FILE
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    local_ports,
    processes,
    removed_paths,
    sockets,
    systemd,
    unread,
)

CONNECT_TIMEOUT = 1.0
_NO_SOCKET = {
    "folder": "", "folder_missing": False, "folder_writable": None, "folder_made_at_start": False,
    "file_missing": False, "stale_socket": False, "removable": None, "private": False,
}  # fmt: skip


def bind_facts(bind: dict[str, Any], listeners: list[dict[str, Any]], stack: Stack) -> dict[str, Any]:
    """One address that the app is to listen on: who holds it, whether that is the app, the state of a socket file."""
    socket_unit = stack.unit.rsplit(".", 1)[0] + ".socket"
    holders = [
        {
            "pid": item["pid"],
            "command": item["command"][:300],
            "unit": item["unit"],
            # Held by systemd itself (pid 1) is socket activation, not theft.
            "foreign": item["pid"] > 1 and item["unit"] not in (stack.unit, socket_unit),
        }
        for item in sockets.matching(bind, listeners)
    ]
    facts = dict(bind, listeners=holders, **_NO_SOCKET)
    if not holders and (found := bind_bars.bar(bind, stack.properties)):
        facts.update(bar=found, named=_is_named(bind, stack))
    if not holders and bind["kind"] == "tcp" and (connection := local_ports.connection_from(bind)):
        facts["connection"] = connection
    if bind["kind"] == "unix":
        facts.update(_socket_file(bind["path"], bool(holders), stack))
    return facts


def _is_named(bind: dict[str, Any], stack: Stack) -> bool:
    """Whether root's own files have the app listen there, rather than its own configuration alone."""
    own = [gunicorn_config.parse_bind(text) for text in stack.word.server.bind]
    own += [gunicorn_config.parse_bind(path) for path in stack.word.activated]
    return any(all(item[key] == bind[key] for key in ("kind", "host", "port", "path")) for item in own)


def _socket_file(path: str, held: bool, stack: Stack) -> dict[str, Any]:
    """The socket's file and folder. `removable` and `folder_writable` are of the user that the server starts as."""
    folder = os.path.dirname(path)
    what, why = f"the folder of the socket {path}", unread.hidden(folder) or unread.hidden(path)
    refused = why if held else why or _may_not_connect(path)
    facts: dict[str, Any] = {
        "folder": folder,
        "folder_missing": unread.known(not os.path.isdir(folder), what, unread.hidden(folder)),
        # A listener whose file is gone, or lies in a /tmp of its own, is reached by nobody.
        "file_missing": unread.known(held and not os.path.lexists(path), what, why),
        "stale_socket": unread.known(
            not held and app_files.may_connect(stack, path) and is_stale_socket(path), f"the socket {path}", refused
        ),
        "folder_writable": None,
        "removable": None,
        # RuntimeDirectory= makes it at each start, so that its absence before is as it should be.
        "folder_made_at_start": folder in systemd.runtime_directories(stack.properties),
        "private": stack.properties.get("PrivateTmp") == "yes" and path.startswith(("/tmp/", "/var/tmp/")),
    }
    if facts["file_missing"] or facts["folder_missing"]:
        facts["removed_by"] = removed_paths.removers(path)
    if facts["folder_missing"] is True or facts["stale_socket"] is True:
        facts.update(_objection(stack, folder if facts["folder_missing"] is True else path))
    try:
        account = access.Account(stack.properties.get("User") or "root", stack.properties.get("Group") or None)
        above = os.stat(folder)
        facts["folder_writable"] = account.may(above, access.WRITE | access.ENTER)
        facts["removable"] = facts["folder_writable"] and _may_remove(account, above, os.lstat(path))
    except (KeyError, OSError):
        pass
    return facts


def _may_not_connect(path: str) -> str:
    """Why this account cannot ask the kernel who listens on a socket's file; empty where it can, or it is not there."""
    barred = os.path.lexists(path) and not os.access(path, os.W_OK)
    return f"{unread.account()} may not connect to it" if barred else ""


def _may_remove(account: access.Account, folder: os.stat_result, file: os.stat_result) -> bool:
    """In a folder with the sticky bit only the owner of the file or of the folder may (inode(7), S_ISVTX)."""
    return account.uid in (0, file.st_uid, folder.st_uid) or not folder.st_mode & stat.S_ISVTX


def is_stale_socket(path: str) -> bool:
    """Whether a socket's file is there and the kernel itself says that nobody listens on it."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plain:
            plain.settimeout(CONNECT_TIMEOUT)
            plain.connect(path)
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    return False


def pidfile_facts(stack: Stack) -> dict[str, Any]:
    """The server's pid file; `stale` where it names a live process that is not the app, which bars its start.

    One that names no process bars nothing: gunicorn overwrites it.
    """
    path = os.path.join(stack.cwd, stack.server.pidfile) if stack.server.pidfile else ""
    pid = read_pid(path) if path else 0
    alive = bool(pid) and os.path.isdir(f"/proc/{pid}")
    unit = processes.unit_of(pid) if alive else ""
    command = processes.command_line(pid) if alive else ""
    ours = alive and is_app(pid, stack.unit, stack.server.server, stack.venv, stack.server.app)
    folder = os.path.dirname(path)
    gone = bool(path) and not os.path.lexists(folder) and not unread.hidden(folder)
    gone = gone and folder not in systemd.runtime_directories(stack.properties)
    why = unread.sealed(path) if path else ""
    # /proc may be mounted so that other accounts' processes show nothing of themselves (proc(5), hidepid).
    why = why or (unread.sealed(f"/proc/{pid}/cgroup") if alive else "")
    return {
        "path": path,
        **(
            {
                "folder_missing": folder,
                "named": os.path.normpath(path) in stack.word.paths(),
                **_objection(stack, folder),
            }
            if gone
            else {}
        ),
        "pid": pid,
        "alive": alive,
        "command": command[:300],
        "unit": unit,
        "stale": unread.known(alive and not ours, f"the pid file {path}, or its process", why),
    }


def worker_folder_missing(stack: Stack) -> dict[str, Any]:
    """{path, named, objection} of the folder for the workers' own files (--worker-tmp-dir), where it is not there.

    named: whether root's own files name it. Nothing of one that systemd makes, or that cannot be looked for.
    """
    folder = os.path.normpath(os.path.join(stack.cwd, stack.server.worker_tmp_dir or "."))
    made = folder in systemd.runtime_directories(stack.properties)
    if not stack.server.worker_tmp_dir or made or os.path.lexists(folder) or unread.hidden(folder):
        return {}
    named = os.path.join(folder, WORKER_FILE) in stack.word.paths()
    return {"path": folder, "named": named, **_objection(stack, folder)}


def _objection(stack: Stack, place: str) -> dict[str, str]:
    """{objection}: why root would refuse to make or remove a place, as the remedies judge it; {} where it would not."""
    given = {"user": stack.user, "group": stack.group, "folders": files.named_folders(stack)}
    why = own_folders.objection_to_place(place, given)
    return {"objection": why} if why else {}


def read_pid(path: str) -> int:
    """The number in a pid file, links refused; 0 where there is none."""
    try:
        text = safe_files.read_bytes(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)), 32)
    except (OSError, ValueError):
        return 0
    text = text.strip()
    return int(text) if text.isdigit() else 0


def is_app(pid: int, unit: str, server: str, venv: str, app: str) -> bool:
    """Whether a process is of the app's unit, or the same app started by somebody else: by hand, by a supervisor."""
    command = processes.command_line(pid)
    same = bool(app) and app in command
    same_server = bool(server and venv) and server in command and f"{venv}/" in command
    return processes.unit_of(pid) == unit or same or same_server
