# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ansible-core that a controller must have: an older one gets a sentence where a run begins, and no traceback."""

from __future__ import annotations

import re

from ansible.release import __version__

# meta/runtime.yml asks for the same, but Ansible only warns. To have it end there is a setting for all collections, and
# another one's old version in somebody's inventory must not keep a site down.
OLDEST_CORE = (2, 16)


def complaint(version: str = __version__) -> str:
    """Why this controller cannot run rescue502, and what to do; empty where it can. version: ansible-core's."""
    found = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if found >= OLDEST_CORE:
        return ""
    wanted = ".".join(str(number) for number in OLDEST_CORE)
    return f"ansible-core {version} on this controller is too old: rescue502 needs {wanted} or newer"
