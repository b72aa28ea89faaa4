"""Which cause is named where a database refuses what the app asks: on recordings, with some facts changed at a time."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from test_database_causes import causes, of

CATALOGUE = load()
REFUSED, CODE, UNAPPLIED = "database/statement-refused", "code/raises-on-request", "schema/unapplied-migrations"
FIT, STANDBY, EMPTY = "dependencies/do-not-fit", "database/waits-for-standby", "database/never-migrated"
ERROR = {
    "type": "ProgrammingError", "message": "no", "file": "/srv/views.py", "line": 7, "in_app": True, "module": "",
    "module_in_app": False, "path": "", "env_key": "", "env_value": "", "chain": [], "sqlstate": "42P01",
}  # fmt: skip


def request(**facts: Any) -> dict[str, Any]:
    """An error of a request, in the place of the recorded one."""
    return {"rehearsal__steps__requests__error": {**ERROR, **facts}}


def test_what_the_database_refuses_is_not_called_the_codes_fault() -> None:
    """By its SQLSTATE alone; what has none is the code's."""
    assert causes(of(REFUSED, **request())) == [REFUSED]
    without = {name: value for name, value in ERROR.items() if name != "sqlstate"}
    assert causes(of(REFUSED, rehearsal__steps__requests__error=without)) == [CODE]


def test_the_servers_own_words_are_whole() -> None:
    """With its DETAIL and HINT."""
    said = 'null value in column "x"\nDETAIL:  Failing row contains (1, null).\nHINT:  Give it one.'
    because = of(REFUSED, **request(message=said)).root_causes[0].because
    assert "Failing row contains" in because
    assert "Give it one." in because


PARTS = {
    "schema/history-inconsistent": {"rehearsal__steps__migrations__error": {**ERROR, "type": "KeyError"}},
    "schema/tables-differ": {"rehearsal__steps__schema__lacking": []},
}


@pytest.mark.parametrize("mode", PARTS)
def test_what_migrations_cannot_repair_is_not_migrated(mode: str) -> None:
    """Also where they are approved. Without the one fact it is not named."""
    found = of(mode)
    assert causes(found) == [mode]
    assert plan.make(found, [UNAPPLIED]).actions == []
    assert mode not in causes(of(mode, **PARTS[mode]))


def test_an_empty_database_is_another_one_only_where_something_says_so() -> None:
    """Else it may be new: then migrations wait for approval, as before."""
    assert causes(of(EMPTY)) == [EMPTY]
    without = of(EMPTY, rehearsal__steps__settings__database_unset=[])
    assert causes(without) == [UNAPPLIED]
    others = [{"path": "/srv/shop/db.sqlite3", "mib": 80.2, "modified": 0}]
    found = of(EMPTY, rehearsal__steps__settings__database_unset=[], files__sqlite_others=others)
    assert causes(found) == [EMPTY]
    assert "/srv/shop/db.sqlite3 has 80.2 MiB" in found.root_causes[0].because


def test_a_commit_that_waits_for_a_standby_is_not_ended() -> None:
    """Others wait for it, and it is the app's own."""
    blocker = {
        "pid": 7, "type": "client backend", "database": "xamila", "user": "xamila", "application": "", "client": "x",
        "state": "active", "seconds": 9, "query_seconds": 9, "transaction_seconds": 9, "started": "1", "waiters": 2,
        "command": "UPDATE", "waited": 9,
    }  # fmt: skip
    found = of(STANDBY, database_activity__blockers=[blocker])
    assert causes(found) == [STANDBY]
    assert plan.make(found, ["database/locked"]).actions == []


SAID = [
    "database disk image is malformed",
    "file is not a database",
    'could not read block 7 in file "base/16384/2619": read only 0 of 8192 bytes',
    "missing chunk number 0 for toast value 34890536 in pg_toast_2619",
    'invalid page in block 28419 of relation "base/16393/16426"',
    'index "x" contains unexpected zero page at block 5',
]


@pytest.mark.parametrize("said", SAID)
def test_words_of_damage(said: str) -> None:
    """Each of these is the database's own word for it."""
    assert causes(of(REFUSED, **request(message=said, sqlstate="XX001"))) == ["database/damaged"]


def test_who_asks_whom() -> None:
    """The app's own code is at fault where an older commit comes up; a package's never is."""
    assert causes(of(FIT)) == [FIT]
    misfit = {
        "importer": "", "importer_version": "", "file": "/srv/urls.py", "line": 1, "provider": "Django",
        "provider_version": "4.2", "lacks": "django.http.Reqest", "loaded_from": "", "wants": "", "shared": [],
    }  # fmt: skip
    assert causes(of(FIT, rehearsal__steps__packages__misfit=misfit)) == [FIT]
    commits = {"tried": 1, "loads": "abc", "back": 1, "edits": False, "alike": False, "problem": ""}
    found = of(FIT, rehearsal__steps__packages__misfit=misfit, trials={"commits": commits})
    assert causes(found) == ["code/import-error"]


def test_a_second_database_is_not_made() -> None:
    """What rights it needs is not known."""
    missing = "database/missing-database"
    assert [action.remedy for action in plan.make(of(missing), [missing]).actions][:1] == ["create_database"]
    assert plan.make(of(missing, rehearsal__steps__database__alias="reports"), [missing]).actions == []


PEER = 'connection failed: FATAL:  Peer authentication failed for user "xamila"'


def test_a_rule_that_wants_an_account() -> None:
    """The account that the app runs as is in the sentence."""
    refused = "database/refused-by-hba"
    found = of(refused, database__error={**ERROR, "type": "OperationalError", "message": PEER})
    assert causes(found) == [refused]
    assert "and the app runs as" in found.root_causes[0].because


NOT_DAMAGED = [
    'could not open file "base/16384/2619": Permission denied',
    'could not read block 7 in file "base/16384/2619": Permission denied',
]


@pytest.mark.parametrize("said", NOT_DAMAGED)
def test_what_is_no_damage(said: str) -> None:
    """The server may not read a file, which is as it was."""
    assert causes(of(REFUSED, **request(message=said, sqlstate="42501"))) == [REFUSED]


def test_a_table_that_nobody_asks_is_no_cause() -> None:
    """What the app fails for has to be what lacks."""
    other = {**ERROR, "message": 'relation "something_else" does not exist'}
    for mode in ("schema/tables-differ", "schema/cache-table-missing"):
        assert causes(of(mode)) == [mode]
        assert causes(of(mode, rehearsal__steps__requests__error=other)) == [REFUSED]
