"""Which units are started, and that none is while another one runs that systemd would end for that."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd, unit_conflicts
from ansible_collections.rescue502.django.plugins.modules import start

DATABASE, CLUSTER, BACKUP = "postgresql.service", "postgresql@15-main.service", "cold-backup.service"
RUNS, DOWN, FAILED = "active", "inactive", "failed"
Units = dict[str, dict[str, str]]


def systemd_with(units: Units, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd shows these units; those that it does not know are down, and no file of them is there."""

    def show_many(names: list[str], _properties: list[str]) -> list[dict[str, str]]:
        return [{"Id": name, "ActiveState": DOWN, **units.get(name, {})} for name in names]

    monkeypatch.setattr(systemd, "show_many", show_many)


@pytest.mark.parametrize(
    ("state", "word", "ended"),
    [
        (RUNS, "ConflictedBy", [BACKUP]),
        (RUNS, "Conflicts", [BACKUP]),
        ("activating", "Conflicts", [BACKUP]),
        ("deactivating", "ConflictedBy", [BACKUP]),
        (DOWN, "Conflicts", []),
        (FAILED, "ConflictedBy", []),
    ],
)
def test_what_a_start_would_end(state: str, word: str, ended: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Either of the two says so, and it counts only while it runs, as shutdown.target does where the host goes down."""
    units = {"shop.service": {word: f"shutdown.target {BACKUP}"}, BACKUP: {"ActiveState": state}}
    systemd_with({**units, "shutdown.target": {"ActiveState": DOWN}}, monkeypatch)
    assert unit_conflicts.ended_by_start(["shop.service"]) == ended


def test_a_target_that_an_operator_has_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop is closed by a target that the app does not go together with."""
    units = {"shop.service": {"ConflictedBy": "closed.target"}, "closed.target": {"ActiveState": RUNS}}
    systemd_with(units, monkeypatch)
    assert unit_conflicts.ended_by_start(["shop.service"]) == ["closed.target"]


@pytest.mark.parametrize("relation", ["Requires", "BindsTo", "Wants", "Upholds"])
def test_what_a_start_would_end_by_what_it_starts_too(relation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app wants the database, which is down for a backup; where it runs, nothing of it is started."""
    units = {
        "shop.service": {relation: f"{DATABASE} basic.target"},
        DATABASE: {"Wants": CLUSTER},
        CLUSTER: {"ConflictedBy": BACKUP, "Wants": "shop.service"},
        BACKUP: {"ActiveState": RUNS},
    }
    systemd_with(units, monkeypatch)
    assert unit_conflicts.ended_by_start(["shop.service"]) == [BACKUP]
    systemd_with({**units, CLUSTER: {**units[CLUSTER], "ActiveState": RUNS}}, monkeypatch)
    assert unit_conflicts.ended_by_start(["shop.service"]) == []


def test_what_runs_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's postgresql may be active while its cluster is down."""
    systemd_with({DATABASE: {"ActiveState": RUNS}, CLUSTER: {"ActiveState": FAILED}}, monkeypatch)
    assert start.down([DATABASE, CLUSTER, "nginx.service"]) == [CLUSTER, "nginx.service"]


def test_a_conflict_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what would be ended, and what for; without one nothing is said."""
    systemd_with({CLUSTER: {"ConflictedBy": BACKUP}, BACKUP: {"ActiveState": RUNS}}, monkeypatch)
    with pytest.raises(start.StartError, match=f"{CLUSTER}: {BACKUP} runs, and would be ended by the start"):
        start.require_no_conflict([CLUSTER])
    start.require_no_conflict([])
    start.require_no_conflict(["nginx.service"])
