# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a finding is known: seen as it is now, tried by an experiment, or inferred from what was written down. Pure.

It follows from the facts that a failure mode's conditions ask for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode

OBSERVED, TRIED, INFERRED = "observed", "tried", "inferred"
STARTED_ASIDE = "a shadow start"
REHEARSED = "a rehearsal of its start"
# Facts that come of a rehearsal, and those that are what somebody or something has noted of the past.
_REHEARSED = ("rehearsal", "app", "trials")
_NOTED = ("log", "changes", "proxy.errors")


class Certainty(NamedTuple):
    """how: observed, tried or inferred. experiment: which one was tried; empty of the others."""

    how: str
    experiment: str


SEEN = Certainty(OBSERVED, "")


def of(mode: FailureMode, evidence: dict[str, Any]) -> Certainty:
    """How a failure mode that matched is known on this host."""
    asked = {name for source in mode.when for name in expressions.names(source)}
    started = evidence.get("shadow_start")
    if _asks(asked, "shadow_start") and isinstance(started, dict) and started.get("tried") is True:
        return Certainty(TRIED, STARTED_ASIDE)
    if any(_asks(asked, section) for section in _REHEARSED):
        return Certainty(TRIED, REHEARSED)
    return Certainty(INFERRED if any(_asks(asked, section) for section in _NOTED) else OBSERVED, "")


def _asks(asked: set[str], fact: str) -> bool:
    return any(f"{name}.".startswith(f"{fact}.") for name in asked)
