# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's table of connections: where it is full, packets of new ones are dropped (nf_conntrack-sysctl.rst)."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import journal

FOLDER = "/proc/sys/net/netfilter"
FULL = 0.98
RECENT_SECONDS = 300.0
# nf_conntrack_core.c, __nf_conntrack_alloc().
DROPPED = "table full, dropping packet"


def full() -> dict[str, Any] | None:
    """{count, max, dropped}: dropped is how many seconds ago the kernel said that it drops packets for it, else None.

    None where the table has room and had room, or where this kernel has none.
    """
    count, most = _number("nf_conntrack_count"), _number("nf_conntrack_max")
    if not most:
        return None
    lines = journal.entries("_TRANSPORT=kernel", f"--since=@{int(time.time() - RECENT_SECONDS)}", f"--grep={DROPPED}")
    said = [entry.when for entry in lines if DROPPED in entry.message]
    if count < FULL * most and not said:
        return None
    return {"count": count, "max": most, "dropped": round(time.time() - max(said), 1) if said else None}


def _number(name: str) -> int:
    try:
        with open(f"{FOLDER}/{name}", encoding="utf-8") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
