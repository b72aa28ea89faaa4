# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services of this host that ran since the boot, or were to run, and do not: one of them may be what the app calls."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

PROPERTIES = ["Id", "Type", "ActiveState", "Result", "ActiveEnterTimestamp"]
MOST = 10
# Whether a unit is enabled is dear to ask: a search through folders for each, so it is asked of few.
MOST_ASKED = 50


def collect(own: str) -> list[dict[str, str]]:
    """{unit, state, result} of services but `own` that failed, or are enabled and were stopped."""
    shown = [item for item in systemd.show_many(["*.service"], PROPERTIES) if _is_down(item, own)]
    stopped = [item["Id"] for item in shown if item["ActiveState"] == "inactive"][:MOST_ASKED]
    states = {item["Id"]: item["UnitFileState"] for item in systemd.show_many(stopped, ["Id", "UnitFileState"])}
    down = [item for item in shown if item["ActiveState"] == "failed" or states.get(item["Id"]) == "enabled"]
    return [{"unit": item["Id"], "state": item["ActiveState"], "result": item["Result"]} for item in down[:MOST]]


def _is_down(shown: dict[str, str], own: str) -> bool:
    """Whether a service ran, or was to run, and does not. A oneshot that is done is none."""
    state, ran = shown.get("ActiveState"), bool(shown.get("ActiveEnterTimestamp"))
    is_service = shown.get("Type") != "oneshot" and shown.get("Id") not in (None, own)
    return is_service and (state == "failed" or (state == "inactive" and ran))
