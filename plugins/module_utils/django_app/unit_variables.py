# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables that systemd gives the app: a program of ours says, started as the app would be."""

from __future__ import annotations

import json
import sys
import time

from ansible_collections.rescue502.django.plugins.module_utils.django_app import shadow_start
from ansible_collections.rescue502.django.plugins.module_utils.run import trial_unit
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

SECONDS = 3.0
POLL_SECONDS = 0.05
# It writes them to a socket that root alone hears (run/heard_lines.py).
_SCRIPT = "import json, os; print(json.dumps(dict(os.environ)))"


def ask(stack: Stack) -> dict[str, str] | None:
    """The variables with their values, which are secrets; None where systemd could not be asked."""
    try:
        shadow_start.require_possible(stack)
        words = [sys.executable, "-I", "-S", "-c", _SCRIPT]
        text, name, mode = shadow_start.unit_text(stack, words, "variables")
        with trial_unit.started(name, text, mode) as unit:
            return None if unit.problem else _heard(unit)
    except (shadow_start.NotTriedError, OSError, systemd.SystemdError):
        return None


def _heard(unit: trial_unit.TrialUnit) -> dict[str, str] | None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for line in unit.said():
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                return {str(name): str(value) for name, value in found.items()}
        time.sleep(POLL_SECONDS)
    return None
