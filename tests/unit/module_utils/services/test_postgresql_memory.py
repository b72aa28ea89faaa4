"""Which of a server's shared memory was removed, by what the kernel says."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services.postgresql_memory import removed_segments

SYSTEM_V = """       key      shmid perms                  size  cpid  lpid nattch   uid
    131075          4   600                    56   123   123      6   999
"""
OWN = "7f00-7f01 rw-s 00000000 00:01 4                          /SYSV00020003 (deleted)\n"
GONE = "7f00-7f01 rw-s 00000000 00:01 9                          /SYSV00020003 (deleted)\n"
MAPPED = "7f02-7f03 rw-s 00000000 00:1a 22                         /dev/shm/PostgreSQL.1450751626"
MAPS = {
    "a server that is well": (OWN + MAPPED, []),
    "its dynamic memory": (f"{OWN}{MAPPED} (deleted)\n{MAPPED} (deleted)", ["/dev/shm/PostgreSQL.1450751626"]),
    "System V's": (GONE + MAPPED, ["/SYSV00020003"]),
    "what is not its own": (OWN + "7f02-7f03 rw-s 0 00:1a 22   /dev/shm/other.1 (deleted)", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize("way", MAPS)
def test_removed(way: str) -> None:
    """One of System V's always stands as deleted, and counts where the host has it no more."""
    maps, segments = MAPS[way]
    assert removed_segments(maps, SYSTEM_V) == segments
