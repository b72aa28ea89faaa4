# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Trials: an app that does not come up is tried again with one thing different; where it comes up, that is the cause.

Each is a rehearsal, as the app's own account, and leaves nothing: without a file of the app's that hides an installed
package, in the virtual environment that the unit does not use, from the commits before, with a variable as it is
written (written_trial.py).
"""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from ansible_collections.rescue502.django.plugins.module_utils.django_app import app_steps, rehearsal
from ansible_collections.rescue502.django.plugins.module_utils.django_app.app_steps import APP_STEPS
from ansible_collections.rescue502.django.plugins.module_utils.django_app.repeated_requests import Page
from ansible_collections.rescue502.django.plugins.module_utils.files import virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.probe import written_trial
from ansible_collections.rescue502.django.plugins.module_utils.remedies import code_trial
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout, GitError
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import is_below

# For all of them together.
SECONDS = 15.0
ONE = 8.0
# What an app must get through, and what it may fail at though it comes up.
ORDER = ("server", "django", "application", "settings", "apps", "database", "migrations", "checks", "requests")
VENV_NAMES = ("venv", ".venv", "env", ".env", "virtualenv")


def collect(stack: Stack, rehearsed: Any, git: Any, pages: list[Page], asks_unit: bool) -> dict[str, Any]:
    """{written, shadowed, python, ignored, commits}, each there only where it was tried. git: of the code's section.

    asks_unit: whether something may be started as the app's unit would be. written: see written_trial.collect().
    shadowed: the files that hide a module without which the app does not come up. python: {program, interpreter, venv}
    where the app comes up in a virtual environment that its unit does not use. ignored: where git ignores a module that
    is missing, see code.ignored_module(). commits: see code_trial.search().
    """
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    if not steps or rehearsed["hung"] or rehearsed["crashed"]["step"] or progress(steps) == len(ORDER):
        return {}
    begun = time.monotonic()

    def once_more(other: Stack) -> dict[str, Any]:
        return rehearsal.rehearse(other, ONE, pages, ORDER, unwell=True)["steps"]  # type: ignore[no-any-return]

    written = written_trial.collect(stack, steps, once_more, progress, asks_unit)
    if any(item["helps"] for item in written):
        return {"written": written}
    return {**({"written": written} if written else {}), **_of_code(stack, steps, git, pages, begun)}


def _of_code(stack: Stack, steps: dict[str, Any], git: Any, pages: list[Page], begun: float) -> dict[str, Any]:
    """What is tried with the app's own files, and with other packages. begun: when the trials did."""
    shadows = (steps.get("shadows") or {}).get("found")
    if shadows and (shadowed := _shadowed(stack, steps, shadows, pages)):
        return {"shadowed": shadowed}
    if other := _other_python(stack, steps):
        return {"python": other}
    error = _first_error(steps)
    missing = str(error.get("module") or "") if error.get("type") == "ModuleNotFoundError" else ""
    if missing and (ignored := code.ignored_module(stack.root, [stack.cwd, stack.root], missing)):
        return {"ignored": ignored}
    left = SECONDS - (time.monotonic() - begun)
    if left <= 0:
        return {}
    return {"commits": found} if (found := _commits(stack, steps, git, left)) else {}


def progress(steps: dict[str, Any]) -> int:
    """How many of the steps in ORDER succeed before the first that does not."""
    return app_steps.progress(steps, ORDER)


def _shadowed(
    stack: Stack, steps: dict[str, Any], shadows: list[dict[str, str]], pages: list[Page]
) -> list[dict[str, str]]:
    """Those of the files that hide a module with which the app gets further when it takes the module from elsewhere."""
    before = progress(steps)

    def helps(some: list[dict[str, str]]) -> bool:
        names = [item["module"] for item in some]
        return progress(rehearsal.rehearse(stack, ONE, pages, ORDER, names, unwell=True)["steps"]) > before

    begun = time.monotonic()
    if not helps(shadows):
        return []
    # One of them alone, as a rule: which, is tried for as long as there is time.
    in_time = (item for item in shadows if time.monotonic() - begun < SECONDS / 3)
    return next(([item] for item in in_time if helps([item])), shadows) if len(shadows) > 1 else shadows


def _other_python(stack: Stack, steps: dict[str, Any]) -> dict[str, str]:
    """The virtual environment near the app's folder in which it comes up, where its unit's is not one of those."""
    program = (systemd.exec_argv(stack.properties.get("ExecStart", "")) or [""])[0]
    parent = os.path.dirname(stack.root)
    if progress(steps) >= ORDER.index("settings") or (stack.venv and is_below(stack.venv, parent)):
        return {}
    near = [os.path.join(folder, name) for folder in (stack.root, parent) for name in VENV_NAMES]
    for venv in dict.fromkeys(near):
        python = os.path.join(venv, "bin", "python")
        if venv == stack.venv or not virtual_env.is_one(venv) or not os.path.exists(python):
            continue
        there = dataclasses.replace(stack, venv=venv, python=python)
        tried = rehearsal.rehearse(there, ONE, [], APP_STEPS, unwell=True)["steps"]
        if all((tried.get(name) or {}).get("ok") is True for name in APP_STEPS):
            return {"program": program, "interpreter": stack.python, "venv": venv}
    return {}


def _first_error(steps: dict[str, Any]) -> dict[str, Any]:
    """What the first step failed with that the app did not get through."""
    step = next((steps.get(name) or {} for name in APP_STEPS if (steps.get(name) or {}).get("ok") is not True), {})
    return step.get("error") or {}


def _commits(stack: Stack, steps: dict[str, Any], git: Any, seconds: float) -> dict[str, Any]:
    """Which commit is the first from which the app does not come up; empty where the code is not the place."""
    error = _first_error(steps)
    is_code = error.get("module_in_app") if error.get("module") else error.get("in_app")
    # The app's own code asks a package for what that does not have.
    is_code = is_code or ((steps.get("packages") or {}).get("misfit") or {}).get("importer") == ""
    if not isinstance(git, dict):
        return {}
    # Of an emptied file nothing need be the last that fails, such as of the settings.
    is_code = is_code or bool(git.get("emptied"))
    if not is_code or any(error.get(name) for name in ("env_key", "env_value", "lacks")):
        return {}
    if not git.get("is_checkout") or git.get("operation") != "":
        return {}
    try:
        return code_trial.search(Checkout(git["top"]), stack, error, bool(git.get("edited")), seconds)
    except (GitError, OSError, KeyError) as problem:
        return {"tried": 0, "loads": "", "back": 0, "edits": False, "alike": False, "problem": str(problem)}
