# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a unit of Type=notify said to systemd, and systemd did not take from that process (sd_notify(3))."""

from __future__ import annotations

import re

from ansible_collections.rescue502.django.plugins.module_utils.system import journal

# What is older may be of a start that was configured otherwise.
RECENT_SECONDS = 600.0
_REFUSED = re.compile(r"Got notification message from PID \d+, but reception (?:only permitted|is disabled).*")


def refused(properties: dict[str, str]) -> str:
    """systemd's newest word on a message of the unit's that it refused; empty where there is none.

    properties: the unit's, from systemd.show().
    """
    unit = properties.get("Id", "")
    if not unit or not properties.get("Type", "").startswith("notify"):
        return ""
    return parse([entry.message for entry in journal.of_manager(unit, RECENT_SECONDS, lines=100)])


def parse(messages: list[str]) -> str:
    """The refusal in the newest of systemd's messages that has one; empty where none has. The newest stands last."""
    for message in reversed(messages):
        if said := _REFUSED.search(message):
            return said.group()[:300]
    return ""
