# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rehearsal: what would gunicorn meet if it started now? Asked in the app's own Python, as the app's user."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    form_origins,
    hang_location,
    own_view,
    rehearsal_source,
    repeated_requests,
    returned_cookies,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.repeated_requests import Page
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    postgresql_words,
    requirements,
    systemd_credentials,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    accounts,
    processes,
    systemd,
)

STEPS = (
    "server",
    "django",
    "application",
    "settings",
    "apps",
    "database",
    "privileges",
    "upkeep",
    "migrations",
    "checks",
    "static",
    "origins",
    "cookies",
    "requirements",
    "code",
    "requests",
    "manifest",
    "session",
    "schema",
    "packages",
    "shadows",
    "brokers",
    "collected",
    "translations",
    "processes",
    "binds",
)


def rehearse(
    stack: Stack,
    timeout: float,
    pages: list[Page],
    steps: Sequence[str] = STEPS,
    aside: Sequence[str] = (),
    unwell: bool = False,
    origins: Sequence[dict[str, Any]] = (),
    visitors: Sequence[dict[str, Any]] = (),
    hosts: Sequence[str] = (),
) -> dict[str, Any]:
    """Run the rehearsal for at most `timeout` seconds. pages: requests that are made once more in it.

    steps: those that are taken, in the order of STEPS. aside: modules that are not taken from the app's own folders.
    unwell: whether the site is not well, though perhaps no step fails. origins: of form_origins.collect().
    visitors: of returned_cookies.visitors(). hosts: names of which Django is asked whether it takes them.

    Returns {ran, problem, steps: {name: {ok, error, seconds, …}}, hung, crashed, place}. The step that did not end is
    named by `hung` where it was still under way, and by `crashed` where the interpreter itself ended; `place` is where.
    """
    outcome: dict[str, Any] = {"ran": False, "problem": "", "steps": {}, "user": stack.user}
    outcome.update(hung="", crashed={"step": "", "how": ""}, place=dict(hang_location.NOWHERE))
    if not stack.server.app and stack.server.server != "gunicorn":
        return {**outcome, "problem": f"{stack.unit} does not say which application to load"}
    if not os.path.isdir(stack.cwd):
        outcome["problem"] = f"the working directory {stack.cwd} does not exist"
        return outcome
    try:
        with systemd_credentials.folder(stack.credentials, stack.user, stack.group) as variables:
            more = {
                "pages": [page.request() for page in pages],
                "steps": list(steps),
                "aside": list(aside),
                "unwell": unwell,
                "origins": list(origins),
                "visitors": list(visitors),
                "hosts": list(hosts),
            }
            ended = _run(stack, rehearsal_source.program(), variables, timeout, more)
    except KeyError as error:
        outcome["problem"] = f"no such account: {error.args[0]}"
        return outcome
    except (OSError, subprocess.SubprocessError) as error:
        outcome["problem"] = f"{stack.python}: {error}"
        return outcome
    found: list[dict[str, Any]] = postgresql_words.errors(_steps(ended.lines), stack.database_unit)
    outcome["steps"] = {step.pop("step"): step for step in found}
    if not stack.server.app and not outcome["steps"].get("server", {}).get("app"):
        return {**outcome, "steps": {}, "problem": f"{stack.unit} does not say which application to load"}
    if "answers" in outcome["steps"].get("requests", {}):
        answers = outcome["steps"]["requests"].pop("answers")
        outcome["steps"]["requests"].update(repeated_requests.judged(pages, answers))
    if "origins" in outcome["steps"]:
        outcome["steps"]["origins"] = form_origins.placed(outcome["steps"]["origins"], list(origins))
    if "cookies" in outcome["steps"]:
        outcome["steps"]["cookies"] = returned_cookies.judged(outcome["steps"]["cookies"], list(visitors))
    outcome["ran"] = bool(outcome["steps"])
    missing = [name for name in steps if name not in outcome["steps"]]
    if missing and outcome["ran"]:
        if ended.by_itself:
            outcome["crashed"] = {"step": missing[0], "how": _how(ended.code)}
        else:
            outcome["hung"] = missing[0]
            if missing[0] == "requests" and (working := hang_location.working_in(ended.lines, stack.root, stack.venv)):
                outcome["working_in"] = working
        looks = 1 if ended.by_itself else 2
        outcome["place"] = hang_location.place(ended.lines, stack.root, stack.venv, looks)
    if not outcome["ran"]:
        outcome["problem"] = "the interpreter ended without a word" if ended.by_itself else "no answer in time"
    return outcome


@dataclass(frozen=True)
class Ended:
    """How the rehearsal's process ended: by itself, or because time was up. lines: what it wrote."""

    by_itself: bool
    code: int
    lines: list[str]


def _run(stack: Stack, source: str, variables: dict[str, str], timeout: float, more: dict[str, Any]) -> Ended:
    """Run it to its end. Raises what starting it raises."""
    read_end, write_end = os.pipe()
    try:
        process = _start(stack, source, variables, write_end, {"look_after": timeout * 0.4, **more})
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    lines = _read(read_end, time.monotonic() + timeout)
    return Ended(_end(process), process.returncode, lines)


def _start(
    stack: Stack, source: str, variables: dict[str, str], write_end: int, more: dict[str, Any]
) -> subprocess.Popen[bytes]:
    plan = {
        "root": stack.root,
        "venv": stack.venv,
        "app": stack.server.app,
        "server": stack.server.server or "gunicorn",
        "argv": stack.server.argv,
        # Its configuration computes them, and nobody listens who would show them.
        "asks_binds": stack.server.server == "gunicorn" and not stack.bind and not stack.bind_bar,
        "settings_module": stack.settings_module,
        "requirements": stack.requirements.paths,
        "pips": requirements.bundled_pips(),
        # Those of the running app; of one that is down, its unit's are not known to the kernel.
        "limits": processes.limits(systemd.number(stack.properties.get("MainPID", ""))),
        **more,
    }
    # No bytecode is written: the probe leaves no trace. libpq's own limit keeps an unreachable database from
    # eating the whole time.
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "PGCONNECT_TIMEOUT": "3"}
    environment = {**stack.environment, **variables, **quiet}
    words = [stack.python, "-c", source, str(write_end), json.dumps(plan)]
    if (account := own_view.account(stack)) is not None:
        return own_view.start(account, words, environment, stack.cwd, (write_end,))
    groups = accounts.supplementary_groups(stack.properties)
    streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    streams["pass_fds"] = (write_end,)
    return commands.start(stack.user, stack.group, words, environment, stack.cwd, _inputs(stack), groups, **streams)


def refusal(stack: Stack) -> str:
    """Why the app's code is not run as its account: that is root, and others can write it. KeyError without one."""
    return commands.refusal(stack.user, stack.python, stack.environment, stack.cwd, _inputs(stack))


def _inputs(stack: Stack) -> list[str]:
    """What the app's code is, and what it is configured by."""
    return [path for path in (stack.root, stack.cwd, *stack.env_files) if path != "/"]


def _read(descriptor: int, deadline: float) -> list[str]:
    """Lines until the other end closes or time is up."""
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _write, _error = select.select([descriptor], [], [], left)
        chunk = os.read(descriptor, 65536) if ready else b""
        if not chunk:
            break
        data += chunk
    os.close(descriptor)
    return data.decode("utf-8", "replace").splitlines()


def _steps(lines: list[str]) -> list[dict[str, Any]]:
    """The results of the steps, of which each is a line of JSON."""
    found = []
    for line in lines:
        try:
            parsed = json.loads(line)
        except ValueError:
            continue
        if isinstance(parsed, dict) and parsed.get("step") in STEPS:
            found.append(parsed)
    return found


def _how(code: int) -> str:
    """How a process ended, in the words of its manual pages."""
    try:
        return signal.Signals(-code).name if code < 0 else f"status {code}"
    except ValueError:
        return f"signal {-code}"


def _end(process: subprocess.Popen[bytes]) -> bool:
    """End the rehearsal and whatever the app started in it; whether it had ended by itself."""
    try:
        process.wait(timeout=0.5)
        by_itself = True
    except subprocess.TimeoutExpired:
        by_itself = False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return by_itself
