# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services of this host that ran since the boot, or were to run, and do not: one of them may be what the app calls."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils import systemd

PROPERTIES = ["Id", "Type", "UnitFileState", "ActiveState", "Result", "ActiveEnterTimestamp"]
MOST = 10


def collect(own: str) -> list[dict[str, str]]:
    """{unit, state, result} of services but `own` that failed, or are enabled and were stopped."""
    found = []
    for shown in systemd.show_many(["*.service"], PROPERTIES):
        unit, state = shown.get("Id", ""), shown.get("ActiveState", "")
        wanted = shown.get("UnitFileState") == "enabled" and bool(shown.get("ActiveEnterTimestamp"))
        down = state == "failed" or (state == "inactive" and wanted)
        if down and unit != own and shown.get("Type") != "oneshot":
            found.append({"unit": unit, "state": state, "result": shown.get("Result", "")})
    return found[:MOST]
