# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The service: what systemd, the sockets and the backend itself say of the app's unit now."""

from __future__ import annotations

import grp
import os
import pwd
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    addresses,
    backend,
    startup,
    unit_limits,
)
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, unit_view
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_units
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    accounts,
    filesystems,
    processes,
    sockets,
    systemd,
    unread,
)

HEALTH_TIMEOUT = 4.0
# Options that shut a unit off from the network, or from parts of the file system (systemd.exec(5)), and what they are
# where nobody sets them.
CONFINES = (
    "PrivateNetwork",
    "NetworkNamespacePath",
    "RestrictAddressFamilies",
    "ProtectSystem",
    "ProtectHome",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "NoExecPaths",
    "TemporaryFileSystem",
    "RootDirectory",
    "IPAddressDeny",
    "SystemCallFilter",
)
LONGEST = 200
UNCONFINED = ("", "no", "~")


def collect(
    stack: Stack, listeners: list[dict[str, Any]], health_json: Any, health_timeout: float = HEALTH_TIMEOUT
) -> dict[str, Any]:
    """Unit, processes, listeners, backend. health_timeout is in seconds."""
    return {
        "unit": unit_facts(stack),
        "start_limit_hit": _start_limit_hit(stack.properties),
        "processes": unit_processes(stack.properties),
        **_binds(stack, stack.bind, listeners),
        "elsewhere": unread.reported(_elsewhere(stack, listeners), "whose processes listen", sockets.barred(listeners)),
        "exec": _exec_facts(stack),
        "backend": backend.collect(stack, health_json, health_timeout),
        "pidfile": addresses.pidfile_facts(stack),
        **({"worker_folder": folder} if (folder := addresses.worker_folder_missing(stack)) else {}),
        "start": startup.collect(stack.properties),
    }


def settled(service: Any, stack: Stack, listeners: list[dict[str, Any]], rehearsed: Any) -> Any:
    """The section with the addresses that gunicorn itself has said in the rehearsal, where its file computes them.

    service: the section as collect() gave it. rehearsed: the rehearsal.
    """
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    asked = (steps.get("binds") or {}).get("addresses")
    if not asked or not isinstance(service, dict) or service.get("binds") != []:
        return service
    return {**service, **_binds(stack, asked, listeners)}


def _binds(stack: Stack, places: list[dict[str, Any]], listeners: list[dict[str, Any]]) -> dict[str, Any]:
    """{binds, listening, foreign} of the addresses that the app is to listen on."""
    binds = [addresses.bind_facts(bind, listeners, stack) for bind in places]
    nameless = sockets.barred([item for bind in binds for item in bind["listeners"]]), stack.bind_bar
    foreign = [item for bind in binds for item in bind["listeners"] if item["foreign"]]
    return {
        "binds": binds,
        "listening": unread.known(
            bool(binds) and all(bind["listeners"] for bind in binds), "where the app is to listen", stack.bind_bar
        ),
        "foreign": unread.reported(foreign, "whose processes listen", *nameless),
    }


def unit_facts(stack: Stack) -> dict[str, Any]:
    """The unit's state in systemd's words (org.freedesktop.systemd1(5)), numbers as numbers."""
    shown = stack.properties
    # systemd makes one at each start, and takes it away (systemd.exec(5)).
    makes_account = shown.get("DynamicUser") == "yes"
    return {
        "name": stack.unit,
        "type": shown.get("Type", ""),
        "load_state": shown.get("LoadState", ""),
        "load_error": shown.get("LoadError", ""),
        "others": app_units.names() if shown.get("LoadState") == "not-found" else [],
        "active_state": shown.get("ActiveState", ""),
        "sub_state": shown.get("SubState", ""),
        "result": shown.get("Result", ""),
        "exit_code": systemd.number(shown.get("ExecMainCode", "")),
        "exit_status": systemd.number(shown.get("ExecMainStatus", "")),
        "restarts": systemd.number(shown.get("NRestarts", "")),
        "restart": shown.get("Restart", ""),
        "file_state": shown.get("UnitFileState", ""),
        "needs_reload": shown.get("NeedDaemonReload") == "yes",
        **({"objection": systemd.objection(stack.unit)} if _may_be_refused(shown) else {}),
        "file": shown.get("FragmentPath", ""),
        "invocation": shown.get("InvocationID", ""),
        "main_pid": systemd.number(shown.get("MainPID", "")),
        "active_since": started_at(shown),
        "triggered_by": shown.get("TriggeredBy", ""),
        "user": stack.user,
        "user_exists": makes_account or _exists(pwd.getpwnam, stack.user),
        "group": stack.group,
        "group_exists": makes_account or not stack.group or _exists(grp.getgrnam, stack.group),
        **({"groups_missing": gone} if (gone := accounts.missing_groups(shown)) else {}),
        "workdir": (workdir := _workdir(stack)),
        "workdir_exists": _workdir_exists(stack, workdir),
        "environment_problems": stack.environment_problems,
        **({"limits": limits} if (limits := unit_limits.resources(shown)) else {}),
        "confinement": [
            f"{name}={shown[name][:LONGEST]}" for name in CONFINES if shown.get(name, "") not in UNCONFINED
        ],
        **({"hidden_logs": found} if (found := hidden_logs(stack, shown)) else {}),
    }


def hidden_logs(stack: Stack, shown: dict[str, str]) -> list[str]:
    """Logs that the app server is to open, and that its unit takes out of its sight (systemd.exec(5))."""
    words = f"{shown.get('InaccessiblePaths', '')} {shown.get('TemporaryFileSystem', '')}".split()
    folders = [word.lstrip("-+").partition(":")[0] for word in words]
    logs = [path for path in (stack.server.errorlog, stack.server.accesslog) if path.startswith("/")]
    return [path for path in logs if any(filesystems.is_below(path, folder) for folder in folders)]


def _may_be_refused(shown: dict[str, str]) -> bool:
    return shown.get("NeedDaemonReload") == "yes" or shown.get("LoadState") in ("bad-setting", "error")


def _workdir(stack: Stack) -> str:
    """Where the app is to run: the unit's own folder where that is missing, though the app server goes elsewhere."""
    own = stack.properties.get("WorkingDirectory", "")
    is_missing = own.startswith("/") and not os.path.isdir(own) and not unread.hidden(own)
    return own if is_missing and os.path.isdir(stack.cwd) else stack.cwd


def _workdir_exists(stack: Stack, folder: str) -> Any:
    """Whether the unit finds its working directory, which need not be there for anybody else."""
    what, path = f"the working directory {folder}", unit_view.reached(folder, stack.properties)
    if path is None:
        return unread.Unread(what, unit_view.bar(stack.unit))
    return unread.known(os.path.isdir(path), what, unread.hidden(path))


def _start_limit_hit(shown: dict[str, str]) -> bool:
    """Whether systemd gave up: it says so itself, or a unit that is always restarted has stayed failed after tries.

    A later failure hides `start-limit-hit` in Result behind the one that came first (systemd.unit(5)).
    """
    if shown.get("Result") == "start-limit-hit":
        return True
    tried = systemd.number(shown.get("NRestarts", "")) > 0
    return shown.get("ActiveState") == "failed" and tried and shown.get("Restart", "no") in ("always", "on-failure")


def _exists(lookup: Any, name: str) -> bool:
    try:
        lookup(name)
    except KeyError:
        return name.isdigit()
    return True


def started_at(properties: dict[str, str]) -> float:
    """When the unit's main process was started, in seconds since the epoch; 0 where it never was."""
    monotonic = systemd.number(properties.get("ExecMainStartTimestampMonotonic", ""))
    return round(time.time() - time.monotonic() + monotonic / 1e6, 3) if monotonic else 0.0


def unit_processes(properties: dict[str, str]) -> list[dict[str, Any]]:
    """The processes of the unit's control group, and how somebody keeps each from running."""
    # org.freedesktop.systemd1(5), "FreezerState".
    frozen = "frozen" if properties.get("FreezerState", "") in ("freezing", "frozen") else ""
    return [
        {"pid": pid, "command": processes.command_line(pid)[:300], "held": frozen or processes.held(pid)}
        for pid in sockets.unit_pids(properties)
    ]


def _elsewhere(stack: Stack, listeners: list[dict[str, Any]]) -> list[str]:
    """Addresses that the unit's own processes listen on, whatever we expected."""
    return sorted(
        {f"unix:{item['path']}" if item["kind"] == "unix" else f"{item['host']}:{item['port']}"
         for item in listeners if item["unit"] == stack.unit}
    )  # fmt: skip


def _exec_facts(stack: Stack) -> dict[str, Any]:
    """The program of ExecStart: there, executable, and its interpreter too (execve(2))."""
    argv = systemd.exec_argv(stack.properties.get("ExecStart", ""))
    path = argv[0] if argv else ""
    # As the unit finds it. Where nobody can look with its eyes, what is here in that place says nothing.
    seen = unit_view.reached(path, stack.properties)
    here = path if seen is None else seen
    interpreter = "" if seen is None else _shebang(here)
    place = unit_view.reached(interpreter, stack.properties)
    why = unit_view.bar(stack.unit) if seen is None else unread.hidden(here)
    return {
        "path": path,
        "exists": unread.known(bool(path) and os.path.exists(here), f"the program {path}", why),
        "executable": unread.known(bool(path) and bool(_mode(here) & 0o111), f"the program {path}", why),
        "interpreter": interpreter,
        "interpreter_exists": not interpreter or place is None or os.path.exists(place),
        "noexec": filesystems.without_programs(here) if path and here == path else "",
    }


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0


def _shebang(path: str) -> str:
    try:
        line = safe_files.text(path, 300).partition("\n")[0]
    except OSError:
        return ""
    words = line[2:].split() if line.startswith("#!") else []
    return words[0] if words else ""
