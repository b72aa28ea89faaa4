"""Which of several clusters serves the app's port: what pg_lsclusters prints."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_clusters

# Printed by pg_lsclusters of postgresql-common 248.
PRINTED = """\
15  app     5433 down   postgres /var/lib/postgresql/15/app  /var/log/postgresql/postgresql-15-app.log
15  main    5432 online postgres /var/lib/postgresql/15/main /var/log/postgresql/postgresql-15-main.log
15  old     5434 down,recovery postgres /var/lib/postgresql/15/old log with blanks
"""
ONE = PRINTED.splitlines()[1]


def test_each_cluster_has_its_unit() -> None:
    """Whatever its state is; and what is no line of a cluster is none."""
    ports = {"postgresql@15-app.service": 5433, "postgresql@15-main.service": 5432, "postgresql@15-old.service": 5434}
    assert postgresql_clusters.parse(PRINTED) == ports
    assert postgresql_clusters.parse("Error: no such thing\n\nVer Cluster Port Status\n") == {}


@pytest.mark.parametrize(
    ("printed", "port", "unit"),
    [
        (PRINTED, 5433, "postgresql@15-app.service"),
        (PRINTED, 6000, ""),
        (PRINTED + PRINTED.replace(" app ", " two "), 5433, ""),
        # Of one there is nothing to choose: what gathers it is started.
        (ONE, 5432, ""),
    ],
)
def test_the_apps_own(monkeypatch: pytest.MonkeyPatch, printed: str, port: int, unit: str) -> None:
    """The one of its port; none where that distinguishes none."""
    monkeypatch.setattr(postgresql_clusters, "ports", lambda: postgresql_clusters.parse(printed))
    assert postgresql_clusters.serving(port) == unit


def test_nothing_is_known_without_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a host that is not of Debian's kind."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert postgresql_clusters.ports() == {}
