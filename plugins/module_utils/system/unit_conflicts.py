# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Units that systemd would end to start another one, such as a cold backup for which the app is down (systemd.unit(5)).

Source: Conflicts= of either side; systemd shows that of the others as ConflictedBy=. A start also starts what the unit
wants or requires and is down, so what conflicts with those is ended too: a backup for which the database is down. What
is up already brings nothing along, as systemd 252 was seen to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

_PULLED_IN = ("Requires", "BindsTo", "Wants", "Upholds")
_CONFLICTS = ("Conflicts", "ConflictedBy")
_FACTS = ["Id", "ActiveState", *_PULLED_IN, *_CONFLICTS]
UP = ("active", "activating", "reloading")
# "deactivating" is one that still has something to end.
_RUNS = (*UP, "deactivating")


def ended_by_start(units: Iterable[str]) -> list[str]:
    """The names of units that run now and would be ended by a start of these units. Raises SystemdError.

    Targets too: an operator's own may keep the app down. shutdown.target runs only where the host goes down.
    """
    waiting, known, named = list(units), set[str](), set[str]()
    while waiting:
        known.update(waiting)
        found = [unit for unit in systemd.show_many(waiting, _FACTS) if unit.get("ActiveState") not in UP]
        named.update(_words(found, _CONFLICTS))
        waiting = sorted(_words(found, _PULLED_IN) - known)
    shown = systemd.show_many(sorted(named), ["Id", "ActiveState"])
    return sorted({item["Id"] for item in shown if item.get("ActiveState") in _RUNS})


def objection(units: Iterable[str]) -> str:
    """Why these units must not be started, in words; empty where no other one would be ended. Raises SystemdError."""
    others = ended_by_start(units)
    why = "runs, and would be ended by the start (Conflicts=). Nothing was changed"
    return f"{', '.join(others)} {why}" if others else ""


def _words(units: list[dict[str, str]], properties: tuple[str, ...]) -> set[str]:
    """The names of other units in these properties."""
    return {name for unit in units for key in properties for name in systemd.words(unit.get(key, ""))}
