# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A trial: the app with a variable's value as a person reads it in the unit's files, in place of what systemd gives.

It is handed over in the environment of a rehearsal, as the app's own account, and is in no argument and no log. A
variable that may name a file is not tried: the app could make that file.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import unit_variables
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import is_secret
from ansible_collections.rescue502.django.plugins.module_utils.stack import written_variables
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.stack.written_variables import Written

SECONDS = 6.0
MOST = 8
MOST_SHOWN = 20
Steps = dict[str, Any]


def collect(
    stack: Stack, steps: Steps, rehearse: Callable[[Stack], Steps], progress: Callable[[Steps], int], asks_unit: bool
) -> list[dict[str, Any]]:
    """{name, file, line, kind, specifiers, alone, in_unit, given, helps} of each variable that is written otherwise.

    given: whether systemd sets it at all. helps: whether the app gets further with it as it is written; known of those
    that were tried. steps: the rehearsal's. rehearse: makes it again. asks_unit: whether systemd may be asked.
    """
    doubtful = written_variables.differing(stack, stack.environment)
    if not doubtful:
        return []
    helping = _helping(stack, steps, doubtful, rehearse, progress)
    given = unit_variables.ask(stack) if asks_unit else None
    best = {item.reading.name: item for item in reversed(doubtful)} | {item.reading.name: item for item in helping}
    found = []
    for name, item in best.items():
        value = item.reading.value
        # Of the unit's own file, `systemctl show` is systemd's word too; of other files there is none but this.
        if given.get(name) == value if given is not None else not item.in_unit:
            continue
        found.append(_described(item, name in stack.environment, item in helping))
    return sorted(found, key=lambda shown: not shown["helps"])[:MOST_SHOWN]


def _described(item: Written, given: bool, helps: bool) -> dict[str, Any]:
    reading = item.reading
    return {
        "name": reading.name,
        "file": item.file,
        "line": reading.line,
        "kind": reading.kind,
        "specifiers": list(reading.specifiers),
        "alone": reading.alone,
        "in_unit": item.in_unit,
        "given": given,
        "helps": helps,
    }


def _helping(
    stack: Stack,
    steps: Steps,
    doubtful: list[Written],
    rehearse: Callable[[Stack], Steps],
    progress: Callable[[Steps], int],
) -> list[Written]:
    """Those with which the app gets further, one after the other, each besides those that have helped."""
    begun, reached, environment = time.monotonic(), progress(steps), stack.environment
    helping: list[Written] = []
    for item in [item for item in _first_the_named(steps, doubtful) if _may_be_tried(item, stack, steps)][:MOST]:
        if time.monotonic() - begun > SECONDS or item.reading.name in [other.reading.name for other in helping]:
            continue
        tried = {**environment, item.reading.name: item.reading.value}
        now = progress(rehearse(dataclasses.replace(stack, environment=tried)))
        if now > reached:
            helping, environment, reached = [*helping, item], tried, now
    # What has ended by now, such as a database that was starting, has not been helped by any of them.
    return helping if helping and progress(rehearse(stack)) < reached else []


def _first_the_named(steps: Steps, doubtful: list[Written]) -> list[Written]:
    """In the order in which they are tried: what an error names, secrets, the rest."""
    named = _named(steps)
    return sorted(
        doubtful,
        key=lambda item: (item.reading.name not in named, not _is_called_a_secret(item.reading.name)),
    )


def _named(steps: Steps) -> set[str]:
    """The variables that the rehearsal's errors name."""
    errors = [step.get("error") or {} for step in steps.values() if isinstance(step, dict)]
    return {name for error in errors for name in (error.get("env_key"), error.get("env_value")) if name}


def _may_be_tried(item: Written, stack: Stack, steps: Steps) -> bool:
    """Whether the value is no file's name: not of a path, and of SQLite's database none at all."""
    name, value = item.reading.name, item.reading.value
    if value.startswith(("sqlite", "file:")):
        return False
    if _is_called_a_secret(name) or "://" in value:
        return True
    if "/" in value or "/" in stack.environment.get(name, ""):
        return False
    databases = ((steps.get("settings") or {}).get("databases") or {}).values()
    return name in _named(steps) or (bool(databases) and all(base["engine"] != "sqlite3" for base in databases))


def _is_called_a_secret(name: str) -> bool:
    """Whether a variable is a secret by its name, whatever it holds."""
    return is_secret(name, "whatever")
