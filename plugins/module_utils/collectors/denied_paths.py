# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that the app's code opens and may not: which component of the way there refuses the app's account."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access, barrier, unit_view
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

_NEEDS = (("read", access.READ), ("write", access.WRITE))


def collect(stack: Stack, rehearsed: Any) -> list[dict[str, str]]:
    """{path, need, barrier} of each path at which the rehearsal met a PermissionError.

    need: what is refused, `read` or `write`. Of a place that the unit alone sees, and of what is refused by something
    else than owners and modes, nothing is said.
    """
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    errors = [step.get("error") or {} for step in steps.values()]
    paths = [str(error.get("path")) for error in errors if error.get("type") == "PermissionError"]
    paths = [
        path for path in dict.fromkeys(paths) if os.path.isabs(path) and not unit_view.is_own(path, stack.properties)
    ]
    try:
        account = access.Account.of_unit(stack.user, stack.group, stack.properties)
    except KeyError:
        return []
    found = []
    for path in paths:
        # Lazily: one that cannot be read is not asked about writing too.
        asked = ((need, barrier.first(path, account, bits)) for need, bits in _NEEDS)
        if barred := next((each for each in asked if each[1]), None):
            found.append({"path": path, "need": barred[0], "barrier": barred[1]})
    return found
