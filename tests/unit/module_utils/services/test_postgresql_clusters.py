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
MAIN, APP = ({"name": f"postgresql@15-{name}.service"} for name in ("main", "app"))


def test_each_cluster_has_its_unit() -> None:
    """Whatever its state is; and what is no line of a cluster is none."""
    ports = {"postgresql@15-app.service": 5433, "postgresql@15-main.service": 5432, "postgresql@15-old.service": 5434}
    assert postgresql_clusters.parse(PRINTED) == ports
    assert postgresql_clusters.parse("Error: no such thing\n\nVer Cluster Port Status\n") == {}


def test_the_apps_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of its port; all where that is none of theirs."""
    monkeypatch.setattr(postgresql_clusters, "ports", lambda: postgresql_clusters.parse(PRINTED))
    assert postgresql_clusters.serving(5433, [MAIN, APP]) == [APP]
    assert postgresql_clusters.serving(6000, [MAIN, APP]) == [MAIN, APP]


def test_one_unit_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most hosts; and where the program is not there, nothing is known."""
    assert postgresql_clusters.serving(6000, [MAIN]) == [MAIN]
    monkeypatch.setenv("PATH", "/nonexistent")
    assert postgresql_clusters.ports() == {}
