"""The incident's record while a run goes on: what waits, and who may read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Planned
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident

LONG = 1e6


def planned(remedy: str, *causes: str) -> Planned:
    """A remedy in a look's plan."""
    return {"remedy": remedy, "for": list(causes), "risk": "safe", "vars": {}}


def record(folder: Path) -> Incident:
    """A record whose look planned a package, nginx and a restart."""
    opened = Incident(folder, "20260131T120000Z-ab12cd", "shop", "recover")
    opened.data["plan"] = [
        planned("pip_install", "dependencies/missing"),
        planned("restart", "dependencies/missing", "database/stopped"),
        planned("start_nginx", "proxy/stopped"),
    ]
    return opened


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """Whatever the umask is: the incident's folder is its owner's, and so are its files."""
    before = os.umask(0)
    try:
        opened = record(tmp_path / "reports")
        opened.conclude("failed", "a test")
    finally:
        os.umask(before)
    assert stat.S_IMODE(opened.path.parent.stat().st_mode) == 0o700
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in opened.path.parent.iterdir()}
    assert modes == {".json": 0o600, ".html": 0o600, ".md": 0o600}


def test_what_depends_on_a_failed_remedy_waits_for_the_next_look(tmp_path: Path) -> None:
    """The rest is done; after the next look it counts no more, and a concluded record does not have it."""
    opened = record(tmp_path)
    opened.act("pip_install", ["dependencies/missing"], changed=False, ok=True)
    assert opened.not_now(LONG) == []
    opened.act("pip_install", ["dependencies/missing"], changed=False, ok=False, message="no index")
    opened.save()
    again = Incident(tmp_path, "20260131T120000Z-ab12cd", "shop", "recover")
    assert again.not_now(LONG) == ["pip_install", "restart"]
    again.conclude("failed", "a test")
    assert "failed_since" not in again.data


def test_when_time_is_up_all_waits_but_what_a_migration_needs(tmp_path: Path) -> None:
    """New tables are not left to old code, however late it is."""
    opened = record(tmp_path)
    assert opened.not_now(0) == ["pip_install", "restart", "start_nginx"]
    opened.act("migrate", ["schema/unapplied-migrations"], changed=True, ok=True)
    assert opened.not_now(0) == []


def test_what_follows_a_remedy_whose_budget_is_exhausted_waits_too(tmp_path: Path) -> None:
    """As where it fails: the app is not restarted into what was not repaired."""
    opened = record(tmp_path)
    opened.give_up({"pip_install": 3}, 3600)
    assert [action["remedy"] for action in opened.data["plan"]] == ["start_nginx"]


def test_the_setting_that_allows_more_tries_is_named(tmp_path: Path) -> None:
    """In what is held back, and in what is reported to a person."""
    opened = record(tmp_path)
    found: Any = {"id": "proxy/stopped", "severity": "outage", "remedy": "start_nginx", "by_hand": "look"}
    opened.data["findings"], opened.data["remaining"] = [found], ["proxy/stopped"]
    opened.give_up({"start_nginx": 3}, 3600)
    words = (
        "was tried 3 times within 60 min, in vain or to break again; it is tried again where rescue502_budget is higher"
    )
    assert [item["why"] for item in opened.data["held_back"]] == [words]
    assert opened.data["exhausted"] == [f"start_nginx for proxy/stopped {words}"]
