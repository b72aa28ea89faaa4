"""Which cause in or before PostgreSQL is named: on recordings, with some facts changed at a time."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_migrations
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose

from tools import recordings

CATALOGUE = load()
POOLER, WRAPAROUND, DENIED = "database/pooler-refuses", "database/wraparound", "database/permission-denied"
ELSEWHERE, UNAPPLIED, BROKER = (
    "database/tables-elsewhere",
    "schema/unapplied-migrations",
    "dependencies/broker-unreachable",
)


def of(recording: str, **facts: Any) -> Diagnosis:
    """The diagnosis of a recording with these facts instead, each by its dotted name with __ for a dot."""
    evidence = copy.deepcopy(recordings.evidence(recording))
    for name, value in facts.items():
        *way, last = name.split("__")
        section: Any = evidence
        for step in way:
            section = section[step]
        section[last] = value
    return diagnose(evidence, CATALOGUE)


def causes(found: Diagnosis) -> list[str]:
    """Ids of the root causes."""
    return [item.id for item in found.root_causes]


BARRED = {"need": "create tables in schema", "name": "public", "owner": "postgres"}


def test_what_migrations_may_not_do_is_the_cause_and_they_are_not_run() -> None:
    """Even where they are approved: they would fail."""
    found = of(UNAPPLIED, rehearsal__steps__migrations__barred=[BARRED])
    assert causes(found) == [DENIED]
    assert "create tables in schema public (owner postgres)" in found.root_causes[0].because
    assert plan.make(found, [UNAPPLIED]).actions == []


def test_a_table_that_is_read_only_is_a_cause_only_where_a_write_was_refused() -> None:
    """A role that may only read may be meant so."""
    table = {"name": "public.log", "owner": "postgres", "lacks": "INSERT, UPDATE, DELETE"}
    other = of("code/raises-on-request", rehearsal__steps__privileges__unwritable=[table])
    assert causes(other) == ["code/raises-on-request"]
    refused = {**recordings.evidence("code/raises-on-request")["rehearsal"]["steps"]["requests"]["error"]}
    refused.update(type="ProgrammingError", message="permission denied for table log")
    refused["chain"] = [{"type": "InsufficientPrivilege", "message": "permission denied for table log", "filename": ""}]
    found = of(
        "code/raises-on-request",
        rehearsal__steps__privileges__unwritable=[table],
        rehearsal__steps__requests__error=refused,
    )
    assert causes(found) == [DENIED]


def test_tables_of_other_tenants_are_no_cause() -> None:
    """Where the search path has tables of the app's, others of the same names are somebody else's."""
    assert causes(of(ELSEWHERE)) == [ELSEWHERE]
    assert ELSEWHERE not in causes(of(ELSEWHERE, rehearsal__steps__privileges__found=3))


def test_an_empty_search_path_is_never_migrated() -> None:
    """Approved or not: it would make all tables anew."""
    assert plan.make(of(ELSEWHERE), [UNAPPLIED]).actions == []


POOL = {"size": 20, "active": 20, "waiting": 0, "waited": 0, "busy": 20}
KNOWN = {"database_pooler__knows_user": True, "database_pooler__refused": "", "database_pooler__server_refused": ""}
SENTENCES = {
    "it has no such user": ({}, "has no user"),
    "its file has another password": (
        {"database_pooler__knows_user": True, "database_pooler__refused": "SASL authentication failed"},
        "the app's password is not the one",
    ),
    "no such database": ({"database_pooler__knows_database": False}, "knows no database"),
    "disabled": ({"database_pooler__disabled": True}, "disabled by an administrator"),
    "paused": ({"database_pooler__paused": True}, "paused by an administrator"),
    "its own login": ({**KNOWN, "database_pooler__server_refused": "password"}, "is itself refused by PostgreSQL at"),
    "no server": ({**KNOWN, "database_pooler__server_refused": "connect failed"}, "reaches no server at"),
    "too many clients": ({**KNOWN, "database_pooler__clients": 100}, "(max_client_conn)"),
    "a full pool": (
        {**KNOWN, "database_pooler__pool": {**POOL, "waiting": 2}},
        "in use (pool_size), and 2 clients wait",
    ),
    "all of it paused": (
        {**KNOWN, "database_pooler__pool": {**POOL, "busy": 0, "active": 0, "waiting": 2, "waited": 9}},
        "as where it is paused",
    ),
    "it cannot be asked": (
        {"database_pooler__asked": False, "database_pooler__refused": "no more connections allowed"},
        "turns xamila away: no more connections allowed",
    ),
}


@pytest.mark.parametrize("way", SENTENCES)
def test_what_pgbouncer_refuses(way: str) -> None:
    """It is the one cause, and its sentence says which of its own rules it was."""
    facts, words = SENTENCES[way]
    found = of(POOLER, **facts)
    assert causes(found) == [POOLER]
    assert words in " ".join(found.root_causes[0].because.split())


NO_CAUSE = {
    "it says nothing": KNOWN,
    "the database answers": {"database__answered": True, "database__error": None},
    "nothing is known there": {"database_pooler": {"kind": ""}},
    "it is down": {"database_pooler__running": False},
}


@pytest.mark.parametrize("way", NO_CAUSE)
def test_pgbouncer_is_not_blamed(way: str) -> None:
    """Where it refuses nothing, or something else is the matter."""
    assert POOLER not in causes(of(POOLER, **NO_CAUSE[way]))


def test_no_ids_left() -> None:
    """Of transactions or of multixacts; not while some are left, nor where the site is well."""
    assert causes(of(WRAPAROUND)) == [WRAPAROUND]
    multixacts = of(WRAPAROUND, database_activity__transactions_left=5, database_activity__multixacts_left=0)
    assert causes(multixacts) == [WRAPAROUND]
    assert "multixact ids" in multixacts.root_causes[0].because
    assert WRAPAROUND not in causes(of(WRAPAROUND, database_activity__transactions_left=1))
    unheld = of(WRAPAROUND, database_activity__held_back_by=[])
    assert "nothing that is known holds its vacuum back" in unheld.root_causes[0].because


SILENT = {"setting": "CACHES['default']", "kind": "redis", "address": "h:6379", "problem": "no answer within 1.5 s"}


def test_an_app_that_waits_for_a_silent_broker_is_not_restarted() -> None:
    """It would wait again."""
    found = of("service/hung", rehearsal__steps__brokers__found=[SILENT])
    assert causes(found) == [BROKER]
    assert plan.make(found).actions == []
    refused = {**SILENT, "problem": "Connection refused"}
    assert causes(of("service/hung", rehearsal__steps__brokers__found=[refused])) == ["service/hung"]


class CreateModel(SimpleNamespace):
    """Like Django's operation of that name."""


class AddField(SimpleNamespace):
    """Likewise."""


class RunPython(SimpleNamespace):
    """Likewise."""


def test_what_migrations_need_of_the_database() -> None:
    """To make a table, or to own one that is there; of one that they make themselves they are the owner."""
    state = SimpleNamespace(
        models={
            ("shop", "order"): SimpleNamespace(options={"db_table": '"orders"'}),
            ("shop", "item"): SimpleNamespace(options={}),
            ("shop", "view"): SimpleNamespace(options={"managed": False}),
            ("shop", "new"): SimpleNamespace(options={}),
        }
    )
    wants: dict[str, Any] = {"creates": False, "changes": set()}
    operations = [
        AddField(model_name="Order", name="city"),
        AddField(model_name="Item", name="city"),
        AddField(model_name="View", name="city"),
        AddField(model_name="New", name="city"),
        AddField(model_name="Unknown", name="city"),
        RunPython(),
        CreateModel(name="View", options={"managed": False}),
    ]
    for operation in operations:
        script_migrations.note_wants(operation, "shop", state, {("shop", "new")}, wants)
    assert wants == {"creates": False, "changes": {"orders", "shop_item"}}
    script_migrations.note_wants(CreateModel(name="New", options={}), "shop", state, set(), wants)
    assert wants["creates"]
