# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rehearsal: what would gunicorn meet if it started now? Asked in the app's own Python, as the app's user."""

from __future__ import annotations

import inspect
import json
import os
import select
import signal
import subprocess
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils import (
    app_process,
    credentials,
    migrations_script,
    rehearsal_script,
    requirements,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import Stack

STEPS = (
    "server",
    "django",
    "application",
    "settings",
    "apps",
    "database",
    "privileges",
    "migrations",
    "checks",
    "requirements",
    "code",
)


# Once, at the top of a text.
_FUTURE = "from __future__ import annotations\n"


def source() -> str:
    """The script and what it imports of ours, as one text: it is run by an interpreter that knows nothing of us.

    Both are imported here so that Ansible packs them with the module.
    """
    imported = inspect.getsource(migrations_script).replace(_FUTURE, "", 1)
    line = f"from {migrations_script.__name__} import compare_migrations\n"
    return inspect.getsource(rehearsal_script).replace(line, imported, 1)


def interpreter(stack: Stack) -> str:
    """The Python that the app runs in."""
    names = ("python", "python3")
    candidates = [os.path.join(stack.venv, "bin", name) for name in names] if stack.venv else ["/usr/bin/python3"]
    return next((path for path in candidates if os.path.exists(path)), candidates[0])


def rehearse(stack: Stack, timeout: float) -> dict[str, Any]:
    """Run the rehearsal for at most `timeout` seconds.

    Returns {ran, problem, steps: {name: {ok, error, seconds, …}}, hung}; `hung` names the step that did not end.
    """
    outcome: dict[str, Any] = {"ran": False, "problem": "", "hung": "", "steps": {}, "user": stack.user}
    if not stack.server.app:
        outcome["problem"] = f"{stack.unit} does not say which application to load"
        return outcome
    if not os.path.isdir(stack.cwd):
        outcome["problem"] = f"the working directory {stack.cwd} does not exist"
        return outcome
    try:
        with credentials.folder(stack.credentials, stack.user, stack.group) as variables:
            process, lines = _run(stack, source(), variables, timeout)
    except KeyError as error:
        outcome["problem"] = f"no such account: {error.args[0]}"
        return outcome
    except (OSError, subprocess.SubprocessError) as error:
        outcome["problem"] = f"{interpreter(stack)}: {error}"
        return outcome
    outcome["steps"] = {line.pop("step"): line for line in lines}
    outcome["ran"] = bool(outcome["steps"])
    missing = [name for name in STEPS if name not in outcome["steps"]]
    if missing and outcome["ran"]:
        outcome["hung"] = missing[0]
    if not outcome["ran"]:
        outcome["problem"] = "the interpreter ended without a word" if process.returncode else "no answer in time"
    return outcome


def _run(
    stack: Stack, source: str, variables: dict[str, str], timeout: float
) -> tuple[subprocess.Popen[bytes], list[dict[str, Any]]]:
    """The rehearsal's process, which has ended, and what it told. Raises what starting it raises."""
    read_end, write_end = os.pipe()
    try:
        process = _start(stack, source, variables, write_end)
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    lines = _read(read_end, time.monotonic() + timeout)
    _end(process)
    return process, lines


def _start(stack: Stack, source: str, variables: dict[str, str], write_end: int) -> subprocess.Popen[bytes]:
    plan = {
        "root": stack.root,
        "venv": stack.venv,
        "app": stack.server.app,
        "server": stack.server.server or "gunicorn",
        "settings_module": stack.settings_module,
        "requirements": stack.requirements,
        "pips": requirements.bundled_pips(),
    }
    # No bytecode is written: the probe leaves no trace. libpq's own limit keeps an unreachable database from
    # eating the whole time.
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "PGCONNECT_TIMEOUT": "3"}
    environment = {**stack.environment, **variables, **quiet}
    return subprocess.Popen(
        [interpreter(stack), "-c", source, str(write_end), json.dumps(plan)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=stack.cwd,
        pass_fds=(write_end,),
        start_new_session=True,
        **app_process.identity(stack.user, stack.group),
    )


def _read(descriptor: int, deadline: float) -> list[dict[str, Any]]:
    """JSON lines until the other end closes or time is up."""
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _write, _error = select.select([descriptor], [], [], left)
        chunk = os.read(descriptor, 65536) if ready else b""
        if not chunk:
            break
        data += chunk
    os.close(descriptor)
    lines = []
    for line in data.decode("utf-8", "replace").splitlines():
        try:
            parsed = json.loads(line)
        except ValueError:
            continue
        if isinstance(parsed, dict) and parsed.get("step") in STEPS:
            lines.append(parsed)
    return lines


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the rehearsal and whatever the app started in it."""
    try:
        process.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
