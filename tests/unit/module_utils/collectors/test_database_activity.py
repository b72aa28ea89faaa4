"""What PostgreSQL 15 answered the collector's own statements, while one session held a lock and another waited."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database_activity
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

ANSWER = """
{"max_connections" : 100, "reserved" : 3, "used" : 2,
 "holders" : [{"database":"xamila","user":"xamila","application":"psql","client":"127.0.0.1","state":"active",
 "count":2,"seconds":13}],
 "waiting" : [{"pid":831,"blockers":[828]}],
 "active" : [{"pid":828,"database":"xamila","user":"xamila","application":"psql","client":"127.0.0.1",
 "client_port":36708,"seconds":13,"waits":"Timeout","command":"BEGIN"},
 {"pid":732,"database":"postgres","user":"postgres","application":"psql","client":"local",
 "client_port":-1,"seconds":12,"waits":"Timeout","command":"SELECT"}],
 "databases" : ["postgres", "xamila"], "roles" : ["postgres", "xamila"], "in_recovery" : false}
"""
PASSWORDS = '{"md5_roles" : [], "roles_without_password" : ["postgres"], "methods" : ["peer", "scram-sha-256"]}'
COLLATIONS = '{"collations" : []}'
NAMES = '{"data" : "/var/lib/postgresql/15/main", "databases" : ["postgres", "xamila"], "roles" : ["postgres"]}'
SERVER = postgresql.Server("/run/postgresql", 5432, "postgres", "/usr/bin/psql")
OTHER = postgresql.Server("/run/postgresql", 5433, "postgres", "/usr/bin/psql")
UNIT = "xamila.service"
LISTENERS = [{"kind": "unix", "pid": 7}]


def test_sessions_at_work() -> None:
    """The unit at the other end in place of its port; none where the client came by a socket of files."""
    activity = json.loads(ANSWER)
    by_tcp, by_socket = database_activity.parse_active(activity["active"], {36708: UNIT, 40000: "other.service"})
    assert (by_tcp["pid"], by_tcp["unit"], by_tcp["command"]) == (828, UNIT, "BEGIN")
    assert (by_socket["pid"], by_socket["unit"]) == (732, "")
    assert not any("client_port" in item for item in (by_tcp, by_socket))
    gone = {**activity["active"][0], "client_port": None}
    assert database_activity.parse_active([gone], {36708: UNIT})[0]["unit"] == ""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, str], Any]:
    """The answers of two servers of this host by port and statement, to be changed; the app's is the first."""
    found: dict[tuple[int, str], Any] = {
        (5432, database_activity._SQL): ANSWER,
        (5432, database_activity._PASSWORDS_SQL): PASSWORDS,
        (5432, database_activity._COLLATIONS_SQL): COLLATIONS,
        (5433, database_activity._NAMES_SQL): NAMES,
    }

    def ask(server: postgresql.Server, sql: str, **_limits: float) -> Any:
        answer = found[server.port, sql]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(postgresql, "ask", ask)
    monkeypatch.setattr(postgresql, "find", lambda _listeners, _port: SERVER)
    monkeypatch.setattr(postgresql, "find_all", lambda _listeners: [SERVER, OTHER])
    monkeypatch.setattr(database_activity.accounts, "may_become", lambda _name: True)
    monkeypatch.setattr(database_activity.sockets, "client_units", lambda port: {36708: UNIT} if port == 5432 else {})
    monkeypatch.setattr(database_activity.postgresql_others, "main_process", lambda _server, _listeners: 7)
    monkeypatch.setattr(database_activity.postgresql_others, "others", lambda _server, _port, _listeners: ["another"])
    monkeypatch.setattr(database_activity.postgresql_memory, "removed", lambda pid, _account: pid != 7)
    return found


def test_all_answers_are_one_section(answers: dict[tuple[int, str], Any]) -> None:
    """Of the other server its names alone."""
    assert len(answers) == 4
    found: Any = database_activity.collect(LISTENERS, 5432)
    assert (found["asked"], found["problem"], found["used"], found["shared_memory"]) == (True, "", 2, False)
    assert (found["account"], found["port"], found["folder"]) == ("postgres", 5432, "/run/postgresql")
    assert (found["waiting"], found["active"][0]["unit"]) == ([{"pid": 831, "blockers": [828]}], UNIT)
    assert (found["methods"], found["collations"], found["others"]) == (["peer", "scram-sha-256"], [], ["another"])
    assert found["elsewhere"] == [{"port": 5433, **json.loads(NAMES)}]


def test_what_one_statement_is_refused(answers: dict[tuple[int, str], Any]) -> None:
    """Its facts are not there, and all others are."""
    refused = postgresql.PostgresError("permission denied for table pg_authid")
    answers[5432, database_activity._PASSWORDS_SQL] = answers[5433, database_activity._NAMES_SQL] = refused
    found: Any = database_activity.collect(LISTENERS, 5432)
    assert (found["asked"], found["collations"], found["elsewhere"]) == (True, [], [])
    assert "methods" not in found


@pytest.mark.parametrize("answer", [postgresql.PostgresError("no answer within 4 s"), "", "no json"])
def test_a_server_that_does_not_answer(answers: dict[tuple[int, str], Any], answer: Any) -> None:
    """The reason, and what is known of it all the same."""
    answers[5432, database_activity._SQL] = answer
    found: Any = database_activity.collect(LISTENERS, 5432)
    assert found.pop("problem")
    assert found == {"asked": False, "account": "postgres", "port": 5432, "shared_memory": False}


def test_nobody_to_ask(answers: dict[tuple[int, str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """No server on a socket here; and one whose account this one may not become."""
    monkeypatch.setattr(database_activity.accounts, "may_become", lambda _name: False)
    assert isinstance(database_activity.collect(LISTENERS, 5432), unread.Unread)
    monkeypatch.setattr(postgresql, "find", lambda _listeners, _port: None)
    found: Any = database_activity.collect(LISTENERS, 5432)
    assert (found["asked"], "no PostgreSQL server" in found["problem"]) == (False, bool(answers))
