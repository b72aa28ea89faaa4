# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the rehearsal met that other sections of a look ask about. Pure."""

from __future__ import annotations

from typing import Any


def unreached(rehearsed: Any) -> list[dict[str, Any]]:
    """The brokers that did not answer in the rehearsal as they should."""
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    return [item for item in (steps.get("brokers") or {}).get("found") or [] if item["problem"]]


def linked_folders(rehearsed: Any) -> list[str]:
    """Folders that packages are linked from, and that the app could not use in the rehearsal."""
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    errors = [step.get("error") or {} for step in steps.values()]
    return [error["link"]["path"] for error in errors if "link" in error]


def was_refused(rehearsed: Any) -> bool:
    """Whether something but the database refused the app a connection: a service that is down may be why."""
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    well = (steps.get("database") or {}).get("ok") is True
    return well and any("refused" in str(step.get("error")) for step in steps.values())
