# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rehearsal's steps that a gunicorn worker goes through before it can answer, in their order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

APP_STEPS = ("server", "django", "application", "apps", "checks")


def words(error: dict[str, Any]) -> str:
    """An exception by its type and place: its message may hold a secret. error: of a step."""
    return f"{error.get('type', 'an error')} in {os.path.basename(error.get('file', ''))}:{error.get('line', 0)}"


def progress(steps: dict[str, Any], order: Sequence[str] = APP_STEPS) -> int:
    """How many steps succeed, in this order, before the first that does not. steps: of the rehearsal, by name."""
    return next((n for n, name in enumerate(order) if (steps.get(name) or {}).get("ok") is not True), len(order))
