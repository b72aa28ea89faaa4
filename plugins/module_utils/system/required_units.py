# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The units that a unit cannot start without: which of them failed, or cannot be started now (systemd.unit(5))."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

RELATIONS = ("Requires", "BindsTo", "Requisite")
# A volume below a file system below a unit that mounts it.
DEPTH = 4
MAX_UNITS = 40
KEYS = ["Id", "LoadState", "ActiveState", "Result", "What", "AssertResult", "AssertTimestamp", *RELATIONS]


def broken(properties: dict[str, str]) -> list[dict[str, Any]]:
    """Units that this one cannot start without, and that failed, cannot be started or are devices that are not there.

    properties: the unit's own, RELATIONS among them. Each {name, relation, required_by, absent, load_state,
    active_state, result}; those nearest to the unit alone. absent: the device that is not there; else empty.
    asserts: there, and false, where an Assert…= of the unit's kept it from starting when it was tried last.
    """
    # The unit's own socket fails with it, and is not a cause.
    seen = {properties.get("Id", ""), *systemd.words(properties.get("TriggeredBy", ""))}
    level = [properties]
    for _depth in range(DEPTH):
        wanted = {
            name: (relation, shown.get("Id", ""))
            for shown in level
            for relation in RELATIONS
            for name in systemd.words(shown.get(relation, ""))
        }
        names = [name for name in wanted if name not in seen][:MAX_UNITS]
        seen.update(names)
        units = systemd.show_many(names, KEYS)
        found = [_described(unit, *wanted.get(unit.get("Id", ""), ("Requires", ""))) for unit in units if _fails(unit)]
        # Those that are up have what they need.
        level = [unit for unit in units if unit.get("ActiveState") == "inactive"]
        if found or not level:
            return found
    return []


def _fails(unit: dict[str, str]) -> bool:
    """Whether a start of the unit is in vain."""
    is_broken = unit.get("LoadState") not in ("loaded", "") or unit.get("ActiveState") == "failed"
    return is_broken or _is_refused(unit) or bool(_absent(unit))


def _is_refused(unit: dict[str, str]) -> bool:
    """Whether an Assert…= of its own kept it from starting: those that require it then fail, and it does not."""
    tried = bool(unit.get("AssertTimestamp"))
    return tried and unit.get("AssertResult") == "no" and unit.get("ActiveState") == "inactive"


def _absent(unit: dict[str, str]) -> str:
    """The device that the unit is, or mounts, where it is not there: nothing starts a device.

    Files are asked: where udev does not run, as in a container, systemd knows of no device.
    """
    name = unit.get("Id", "")
    path = "/" + systemd.unescaped_name(name[: -len(".device")]) if name.endswith(".device") else unit.get("What", "")
    down = unit.get("ActiveState") == "inactive" and path.startswith("/dev/")
    return path if down and not os.path.lexists(path) else ""


def _described(unit: dict[str, str], relation: str, required_by: str) -> dict[str, Any]:
    return {
        "name": unit.get("Id", ""),
        "relation": relation,
        "required_by": required_by,
        "absent": _absent(unit),
        "load_state": unit.get("LoadState", ""),
        "active_state": unit.get("ActiveState", ""),
        "result": unit.get("Result", ""),
        **({"asserts": False} if _is_refused(unit) else {}),
    }
