"""All that reads what PostgreSQL has written on a host reads it in English, whatever language the server speaks."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database_pooler, database_startup, log
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_wal, postgresql_words
from ansible_collections.rescue502.django.plugins.module_utils.services.message_catalogue import Catalogue

PAIRS = [
    (('could not write to file "%s": %m',), "n'a pas pu écrire dans le fichier « %s » : %m"),
    (('no pg_hba.conf entry for user "%s", %s',), "aucune entrée dans pg_hba.conf pour « %s »,\n%s"),
]
LABELS = {"FATAL:  ": "FATAL:  ", "ERREUR:  ": "ERROR:  "}
FULL = "Aucun espace disponible sur le périphérique"
SAID = f"ERREUR:  n'a pas pu écrire dans le fichier « base/1 » : {FULL}"
ENGLISH = 'ERROR:  could not write to file "base/1": No space left on device'


@pytest.fixture(autouse=True)
def _french(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue(PAIRS, LABELS, {FULL: "No space left on device"})
    monkeypatch.setattr(postgresql_words, "_catalogues", lambda _unit: [catalogue])


def test_the_apps_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line keeps its time, one that was two in French that of the first."""
    refused = ["aucune entrée dans pg_hba.conf pour « shop »,", "sans chiffrement"]
    said = [(100.0, "FATAL:  " + refused[0]), (101.0, refused[1]), (102.0, f"OSError: x {SAID}"), (112.0, "ready")]
    monkeypatch.setattr(log, "_journal", lambda _invocation: said)
    monkeypatch.setattr(log, "_error_log", lambda _stack: [])
    stack: Any = types.SimpleNamespace(
        properties={"ActiveState": "failed"}, database_unit="", server=types.SimpleNamespace(errorlog="-")
    )
    found = log.collect(stack)
    english = ['FATAL:  no pg_hba.conf entry for user "shop", sans chiffrement', f"OSError: x {ENGLISH}", "ready"]
    assert found["lines"] == english
    assert found["signs"] == {"no_space": 10.0}


def test_the_servers_last_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Why it does not run, and that it had no room."""
    shown = {"Id": "postgresql@15-main.service", "ActiveState": "failed", "InactiveExitTimestampMonotonic": "1"}
    monkeypatch.setattr(database_startup.systemd, "show", lambda _name: shown)
    monkeypatch.setattr(database_startup.postgresql_files, "of_unit", lambda _shown: str(tmp_path))
    monkeypatch.setattr(database_startup, "_journal", lambda *_: [f"2026-11-28 UTC {SAID}"])
    monkeypatch.setattr(database_startup, "lines_since", lambda *_: [])
    monkeypatch.setattr(database_startup.required_units, "broken", lambda _unit: [])
    monkeypatch.setattr(database_startup.filesystems, "owner", lambda _path: "postgres")
    found = database_startup.collect(["postgresql@15-main"], 5432)
    assert (found["reason"], found["no_room"]) == (ENGLISH.partition(":  ")[2], ENGLISH)


def test_a_server_that_ran_out_of_space(tmp_path: Path) -> None:
    """By the last lines of its newest log."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "postgresql.log").write_text(f"2026-11-28 UTC {SAID}\n", encoding="utf-8")
    assert postgresql_wal.ran_out_of_space(str(tmp_path))


def test_the_poolers_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its server said stands there as the server said it."""
    lines = [
        f"x WARNING server login failed: {SAID}",
        "x LOG shop/shop@[::1]:1 pooler error: server login has been failing",
    ]
    monkeypatch.setattr(database_pooler.database_startup, "lines_since", lambda *_: lines)
    bouncer: Any = types.SimpleNamespace(settings={})
    assert database_pooler._said(bouncer, "shop", "shop")["server_refused"] == ENGLISH
