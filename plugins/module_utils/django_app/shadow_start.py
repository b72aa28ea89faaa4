# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shadow start: the unit's own command, started for trial by systemd as the unit would be, and given what fails.

One worker, a socket of its own, seconds. What it says is what the next start would say. Only where the edge is not
well, nobody else is at work on the app, and it would be no more than a start of the unit is.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    closed_folders,
    shadow_result,
    trial_command,
)
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.run import commands, run_processes, trial_unit
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_headers,
    postgresql_words,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import others_at_work
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    accounts,
    http_client,
    systemd,
    unit_conflicts,
    unit_copy,
    unread,
)

# For everything but its end; a collector has ten. systemd itself ends it somewhat later.
SECONDS = 5.0
SURPLUS = 5
# A server that gives up closes its socket, and ends a moment later.
GIVES_UP_SECONDS = 1.0
POLL_SECONDS = 0.03
# systemd is asked less often: each time is a program that is started.
STATE_SECONDS = 0.3
MOST_REQUESTS = 12
# Below that, another copy of the app might be what takes the memory of the others.
LEAST_MEMORY_MIB = 200
_ENDED = ("failed", "inactive")
_MORE_THAN_THE_ACCOUNT = ("privileged", "no-setuid", "ambient")
Wrong = list[tuple[dict[str, Any], dict[str, Any]]]


class NotTriedError(Exception):
    """It is not tried; the text says why."""


def try_start(stack: Stack, wrong: Wrong, origin: str) -> dict[str, Any]:
    """Start the app for trial, ask it what the running one did not answer as wanted, end it.

    wrong: of edge.wrong(). origin: as the edge was asked with. Returns the section `shadow_start` of the
    evidence. That it was not tried leaves no question open: the rehearsal is what there is then.
    Raises OSError and SystemdError.
    """
    try:
        require_possible(stack)
        command = trial_command.of(stack, trial_unit.free_name())
        text, name, mode = unit_text(stack, command.words)
    except (NotTriedError, ValueError) as error:
        return {"tried": False, "why_not": str(error)}
    deadline = (begun := time.monotonic()) + SECONDS
    with (
        trial_unit.configured(name, command.text, command.like, command.acl),
        trial_unit.started(name, text, mode) as unit,
    ):
        path = os.path.join(unit.folder, "socket")
        listened = _wait(lambda: os.path.exists(path), unit, deadline)
        checks: list[dict[str, Any]] = []
        closed = closed_folders.find(stack, unit.state().get("MainPID", "")) if listened else []
        if listened:
            with _own_socket(stack, path) as socket:
                checks = _ask(stack, socket, wrong, origin, deadline, unit)
        if checks and not checks[-1]["status"]:
            deadline = min(deadline, time.monotonic() + GIVES_UP_SECONDS)
            _wait(lambda: unit.state().get("ActiveState") in _ENDED, unit, deadline)
        state, said = unit.state(), [] if checks and all(check["well"] for check in checks) else _said(unit)
        state.update({"Result": "exec-condition"} if "ExecCondition=" in text and unit.was_skipped() else {})
    return {
        "tried": True,
        "why_not": "",
        **shadow_result.judged(state, listened, checks, said, stack.root, stack.server.server),
        "checks": checks,
        **({"closed_folders": closed} if closed else {}),
        "user": stack.user,
        "seconds": round(time.monotonic() - begun, 3),
    }


def unit_text(stack: Stack, words: list[str], purpose: str = "") -> tuple[str, str, int]:
    """(text, name, mode of its file: who may read the unit's own) of a unit that starts words as the app's would.

    After require_possible(). purpose: as of free_name(). Raises NotTriedError where others can write the unit's files.
    """
    shown, name = stack.properties, trial_unit.free_name(purpose)
    paths = [shown.get("FragmentPath", ""), *systemd.words(shown.get("DropInPaths", ""))]
    # Those for all services, systemd adds to ours by itself.
    paths = [path for path in paths if path and os.path.basename(os.path.dirname(path)) != "service.d"]
    for path in paths:
        if found := write_access.on_the_way(path, 0):
            raise NotTriedError(f"others can write {found}")
    texts = [safe_files.text(path) for path in paths]
    is_secret = any(not os.stat(path).st_mode & stat.S_IROTH for path in paths)
    text = unit_copy.text(stack.unit, texts, shown, words, name, int(SECONDS) + SURPLUS, trial_unit.output(name))
    return text, name, 0o600 if is_secret else 0o644


def require_possible(stack: Stack) -> None:
    """Raise NotTriedError where it could not be done, or could do harm."""
    shown, argument = stack.properties, systemd.exec_argv(stack.properties.get("ExecStart", ""))
    if os.geteuid() != 0:
        raise NotTriedError(f"{unread.account()} may not start units")
    if shown.get("LoadState") != "loaded" or not shown.get("FragmentPath"):
        raise NotTriedError(f"{stack.unit} has no unit file")
    if shown.get("NeedDaemonReload") == "yes":
        raise NotTriedError(f"systemd has not read the changed file of {stack.unit} yet")
    if shown.get("ExecStart", "").count("{ path=") != 1 or f"path={argument[0]} ;" not in shown["ExecStart"]:
        raise NotTriedError(f"{stack.unit} starts more than one program, or one under another name")
    if any(
        flag in shown.get("ExecStartEx", "").partition("flags=")[2].split(";")[0] for flag in _MORE_THAN_THE_ACCOUNT
    ):
        raise NotTriedError(f"{stack.unit} gives its program more than its account has")
    if shown.get("DynamicUser") == "yes":
        raise NotTriedError(f"{stack.unit} makes an account for each start")
    if stack.server.daemon and "--daemon" not in argument and "-D" not in argument:
        raise NotTriedError("its configuration sends it into the background")
    families = shown.get("RestrictAddressFamilies", "")
    if families and families != "~" and ("AF_UNIX" in families) == families.startswith("~"):
        raise NotTriedError(f"{stack.unit} may not open Unix sockets")
    if shown.get("ActiveState") in _ENDED and (others_run := unit_conflicts.ended_by_start([stack.unit])):
        raise NotTriedError(f"{others_run[0]} runs, for which {stack.unit} is to be down")
    if why := _refusal_as_root(stack):
        raise NotTriedError(why)
    if _available_mib() < LEAST_MEMORY_MIB:
        raise NotTriedError(f"less than {LEAST_MEMORY_MIB} MiB of memory are to be had")
    found = others_at_work.find(others_at_work.App(stack.root, stack.venv, stack.unit, starts=("app",)))
    if others := [item for item in found if not run_processes.is_started_by_us(item["pid"])]:  # as git is by this look
        raise NotTriedError(f"{others[0]['what']} is at work on {others[0]['where']}")


def _refusal_as_root(stack: Stack) -> str:
    """Why a unit without an account of its own is not started: root would run what others can write."""
    if stack.properties.get("User", "") not in ("", "root", "0"):
        return ""
    inputs = [path for path in (stack.root, stack.cwd, stack.venv, stack.server.config_file, *stack.env_files) if path]
    return commands.refusal(
        "root", stack.python, stack.environment, stack.cwd, [path for path in inputs if path != "/"]
    )


def _available_mib() -> int:
    with open("/proc/meminfo", encoding="utf-8") as file:
        return next((int(line.split()[1]) // 1024 for line in file if line.startswith("MemAvailable:")), 0)


def _wait(is_so: Callable[[], bool], unit: trial_unit.TrialUnit, deadline: float) -> bool:
    """Whether something comes to be so before the unit ends, or time is up."""
    asked = time.monotonic()
    while not is_so():
        if (now := time.monotonic()) > asked + STATE_SECONDS:
            asked = now
            if unit.state().get("ActiveState") in _ENDED:
                return is_so()
        if now > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _said(unit: trial_unit.TrialUnit) -> list[str]:
    """What the program has written, or systemd in its place."""
    return postgresql_words.lines(unit.said()) or [line for line in (unit.problem,) if line]


@contextlib.contextmanager
def _own_socket(stack: Stack, path: str) -> Iterator[str]:
    """A path by which that very socket is reached. The folder is the app's user's, who might exchange it for another.

    Raises PermissionError where it is not the app's.
    """
    own = {accounts.account_ids(name, None)[0] for name in (stack.user, stack.properties.get("User", "")) if name}
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISSOCK(status.st_mode) or status.st_uid not in own:
            raise PermissionError(f"{path} is not the app's socket")
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _ask(
    stack: Stack, socket: str, wrong: Wrong, origin: str, deadline: float, unit: trial_unit.TrialUnit
) -> list[dict[str, Any]]:
    """What it answers to each of the requests, as nginx would hand them on: {name, status, problem, well, seconds}."""
    found = list[dict[str, Any]]()
    for wanted, shown in wrong[:MOST_REQUESTS]:
        if (left := deadline - time.monotonic()) <= 0 or (found and unit.state().get("ActiveState") in _ENDED):
            break
        host, headers = nginx_headers.handed_on(stack.nginx_root, wanted)
        # Over its socket the app speaks HTTP, or TLS where it is configured to; what the browser used, a header says.
        path, scheme = wanted["url"].partition("://")[2].partition("/")[2], "https" if stack.server.certfile else "http"
        plain = {
            **wanted,
            "name": shown["name"],
            "host": host,
            "headers": headers,
            "unix_path": socket,
            "uwsgi": nginx_headers.uwsgi_variables(stack.nginx_root, wanted) if stack.server.speaks_uwsgi else None,
            "url": f"{scheme}://{host or 'localhost'}/{path}",
        }
        answer = http_client.check(plain, origin, left)
        found.append(shadow_result.check_facts(answer))
        if not answer["status"]:
            break
    return found
