"""Which of several clusters serves the app's port: what pg_lsclusters prints."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_clusters
from ansible_collections.rescue502.django.plugins.module_utils.services.postgresql_clusters import Cluster

# Printed by pg_lsclusters of postgresql-common 248.
PRINTED = """\
15  app     5433 down   postgres /var/lib/postgresql/15/app  /var/log/postgresql/postgresql-15-app.log
15  main    5432 online postgres /var/lib/postgresql/15/main /var/log/postgresql/postgresql-15-main.log
15  old     5434 down,recovery postgres /var/lib/postgresql/15/old log with blanks
"""
ONE = PRINTED.splitlines()[1]


def test_each_cluster_has_its_unit() -> None:
    """Whatever its state is; and what is no line of a cluster is none."""
    assert postgresql_clusters.parse(PRINTED) == [
        Cluster("postgresql@15-app.service", 5433, False),
        Cluster("postgresql@15-main.service", 5432, True),
        Cluster("postgresql@15-old.service", 5434, False),
    ]
    assert postgresql_clusters.parse("Error: no such thing\n\nVer Cluster Port Status\n") == []


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
    monkeypatch.setattr(postgresql_clusters, "clusters", lambda: postgresql_clusters.parse(printed))
    assert postgresql_clusters.serving(port) == unit


# The state of two clusters for one port, what start.conf says of the one that is down, and whether that is displaced.
DISPLACED = {
    "taken": ("down", "online", "auto", True),
    "taken, and the holder recovers": ("down", "online,recovery", "auto", True),
    "to be started by hand": ("down", "online", "manual", False),
    "retired": ("down", "online", "disabled", False),
    "not known": ("down", "online", "", False),
    "both are down": ("down", "down", "auto", False),
}


@pytest.mark.parametrize("way", DISPLACED)
def test_a_cluster_whose_place_is_taken(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Only where it is to run, and another one does in its place."""
    state, holders, word, is_displaced = DISPLACED[way]
    printed = f"15 prod 5432 {state} postgres\n15 main 5432 {holders} postgres\n15 test 5433 down postgres\n"
    monkeypatch.setattr(postgresql_clusters, "clusters", lambda: postgresql_clusters.parse(printed))
    monkeypatch.setattr(Cluster, "start_word", lambda _self: word)
    found = {"unit": "postgresql@15-prod.service", "by": "postgresql@15-main.service"} if is_displaced else {}
    assert postgresql_clusters.displaced(5432) == found
    assert postgresql_clusters.displaced(5433) == {}


# The words of start.conf of the clusters for one port, and what is to be started by hand there.
BY_HAND = {
    ("manual",): ("one", "manual"),
    ("disabled",): ("one", "disabled"),
    ("disabled", "manual"): ("two", "manual"),
    ("disabled", "disabled"): ("one", "one of several"),
    ("manual", "manual"): ("one", "one of several"),
    ("auto", "manual"): (),
    ("manual", "auto"): (),
    ("", "manual"): (),
    (): (),
}


@pytest.mark.parametrize("words", BY_HAND)
def test_what_is_to_be_started_by_hand(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """Only where that is so of each cluster for the port; another port's says nothing."""
    own = dict(zip(("postgresql@15-one.service", "postgresql@15-two.service"), words, strict=False))
    found = [*(Cluster(unit, 5432, False) for unit in own), Cluster("postgresql@15-other.service", 5433, False)]
    monkeypatch.setattr(postgresql_clusters, "clusters", lambda: found)
    monkeypatch.setattr(Cluster, "start_word", lambda self: own.get(self.unit, "auto"))
    wanted = BY_HAND[words]
    expected = {"unit": f"postgresql@15-{wanted[0]}.service", "word": wanted[1]} if wanted else {}
    assert postgresql_clusters.by_hand(5432) == expected


def test_nothing_is_known_without_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a host that is not of Debian's kind."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert postgresql_clusters.ports() == {}
