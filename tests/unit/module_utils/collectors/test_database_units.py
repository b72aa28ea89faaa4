"""Which units run PostgreSQL: also one that was stopped by its own name, which systemd's patterns do not find."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_clusters
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

GATHERS = "Id=postgresql.service\nLoadState=loaded\nActiveState=active\nSubState=exited"
RUNS = "Id=postgresql@15-main.service\nLoadState=loaded\nActiveState=active\nSubState=running"
STOPPED = "Id=postgresql@15-main.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead"


@pytest.mark.parametrize(
    ("by_pattern", "clusters", "found"),
    [
        ([GATHERS, RUNS], {}, [("postgresql@15-main.service", "active")]),
        ([GATHERS], {"postgresql@15-main.service": 5432}, [("postgresql@15-main.service", "inactive")]),
        # Not of Debian's kind: the unit is the server itself.
        ([GATHERS], {}, [("postgresql.service", "active")]),
    ],
)
def test_server_units(
    monkeypatch: pytest.MonkeyPatch, by_pattern: list[str], clusters: dict[str, int], found: list[tuple[str, str]]
) -> None:
    """The instances, where there are any."""

    def systemctl(*words: str) -> str:
        return "\n\n".join(by_pattern if any("*" in word for word in words) else [STOPPED])

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    monkeypatch.setattr(postgresql_clusters, "ports", lambda: clusters)
    assert [(unit["name"], unit["active_state"]) for unit in database.server_units("postgresql")] == found
    assert database.server_units("") == []
