# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Units that systemd would end to start another one, such as a cold backup for which the app is down (systemd.unit(5)).

Source: Conflicts= of either side; systemd shows that of the others as ConflictedBy=.
"""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

PROPERTIES = ["Conflicts", "ConflictedBy"]
# "reloading" is one that runs, and "deactivating" one that still has something to end.
_RUNS = ("active", "activating", "reloading", "deactivating")


def running(properties: dict[str, str]) -> list[str]:
    """The names of services that run now and would be ended by a start of the unit. Raises SystemdError.

    properties: the unit's, PROPERTIES among them. Targets such as shutdown.target are in each unit's Conflicts=.
    """
    named = {name for key in PROPERTIES for name in systemd.words(properties.get(key, ""))}
    others = sorted(name for name in named if not name.endswith(".target"))
    shown = systemd.show_many(others, ["Id", "ActiveState"]) if others else []
    return [item["Id"] for item in shown if item.get("ActiveState") in _RUNS]
