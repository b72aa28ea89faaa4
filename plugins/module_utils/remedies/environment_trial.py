# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Try a start of the app in a staged virtual environment, before that replaces the one in use."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import app_steps, rehearsal
from ansible_collections.rescue502.django.plugins.module_utils.django_app.app_steps import APP_STEPS, progress
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

SECONDS = 20.0


def objection(stack: Stack, staged: str) -> str:
    """Why the app does not come as far in the staged environment as in its own; empty where it does.

    stack: the app as it is now. staged: the path of the environment. Of an exception the type and the place are named:
    its message may hold a secret. Where neither can be tried, there is no objection.
    """
    there = dataclasses.replace(stack, venv=staged, python=os.path.join(staged, "bin", "python"))
    after = _steps(there)
    if progress(after) == len(APP_STEPS) or progress(after) >= progress(_steps(stack)):
        return ""
    name = APP_STEPS[progress(after)]
    error = (after.get(name) or {}).get("error") or {}
    where = f": {app_steps.words(error)}" if error else ""
    return f"the app does not come past the step {name} in it{where}"


def _steps(stack: Stack) -> dict[str, Any]:
    steps: dict[str, Any] = rehearsal.rehearse(stack, SECONDS, [], APP_STEPS, unwell=True)["steps"]
    return steps
