"""What is read of a database server: its last words, who waits for whom, whether it takes connections."""

from __future__ import annotations

import base64
import socket
import threading
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database_for_app, database_startup
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql
from ansible_collections.rescue502.django.plugins.modules import app_database, end_sessions

STAMP = "2026-01-31 12:00:00.123 UTC [42] "


@pytest.mark.parametrize(
    ("lines", "place", "reason"),
    [
        (
            ["Error: invalid line 817 in /etc/postgresql/15/main/postgresql.conf: primary_conninfo password=oops"],
            ("/etc/postgresql/15/main/postgresql.conf", 817),
            "invalid line 817 in /etc/postgresql/15/main/postgresql.conf",
        ),
        (
            [
                STAMP
                + 'LOG:  unrecognized configuration parameter "shared_bufers" in file "/p/postgresql.conf" line 8',
                STAMP + 'FATAL:  configuration file "/p/postgresql.conf" contains errors',
                "pg_ctl: could not start server",
            ],
            ("/p/postgresql.conf", 8),
            'configuration file "/p/postgresql.conf" contains errors',
        ),
        (
            [STAMP + 'LOG:  syntax error in file "/p/postgresql.conf" line 12, near token "34"'],
            ("/p/postgresql.conf", 12),
            "",
        ),
        (
            [
                STAMP + 'LOG:  invalid authentication method "scram_sha"',
                STAMP + 'CONTEXT:  line 104 of configuration file "/p/pg_hba.conf"',
                STAMP + "FATAL:  could not load pg_hba.conf",
                STAMP + "LOG:  database system is shut down",
            ],
            ("/p/pg_hba.conf", 104),
            "could not load pg_hba.conf",
        ),
        (
            [
                STAMP + 'app@app FATAL:  password authentication failed for user "app"',
                STAMP + "FATAL:  terminating connection due to administrator command",
            ],
            ("", 0),
            "",
        ),
        (
            [STAMP + 'PANIC:  could not write to file "pg_wal/xlogtemp.9": No space left on device'],
            ("", 0),
            'could not write to file "pg_wal/xlogtemp.9": No space left on device',
        ),
    ],
)
def test_the_last_words_of_a_start(lines: list[str], place: tuple[str, int], reason: str) -> None:
    """File and line where the configuration is at fault, and PostgreSQL's own reason, without what may be secret."""
    assert database_startup.place(lines) == place
    assert database_startup.reason(lines) == reason


def test_a_value_that_does_not_fit_is_found_by_its_parameter(tmp_path: Any) -> None:
    """PostgreSQL names the parameter only; the line is the last that sets it."""
    file = tmp_path / "postgresql.conf"
    file.write_text("#max_connections = 1\nmax_connections = 100\n\nmax_connections=plenty\n", encoding="utf-8")
    lines = [
        STAMP + 'LOG:  invalid value for parameter "max_connections": "plenty"',
        STAMP + f'FATAL:  configuration file "{file}" contains errors',
    ]
    assert database_startup.place(lines) == (str(file), 4)


def session(pid: int, seconds: float, database: str = "shop") -> dict[str, Any]:
    """A session of pg_stat_activity."""
    return {"pid": pid, "database": database, "query_seconds": seconds, "type": "client backend"}


def test_blockers_are_the_ends_of_the_chains() -> None:
    """Who waits for a waiting one waits for the first; short waits and other databases do not count."""
    sessions = [session(1, 90), session(2, 60), session(3, 40), session(4, 1), session(5, 80, "other")]
    waiting = [
        {"pid": 2, "blockers": [1]},
        {"pid": 3, "blockers": [2]},
        {"pid": 4, "blockers": [3]},
        {"pid": 5, "blockers": [1]},
    ]
    (found,) = database_for_app.blockers(waiting, sessions, "shop")
    assert (found["pid"], found["waiters"], found["waited"]) == (1, 2, 60)


def test_a_prepared_transaction_is_nobodys_session() -> None:
    """Its locks have the pid 0; those of other databases are not kept."""
    (found,) = database_for_app.blockers([{"pid": 2, "blockers": [0]}], [session(2, 60)], "shop")
    assert (found["pid"], found["type"]) == (0, "prepared transaction")
    prepared = [{"database": name, "user": name, "count": 1, "seconds": 9} for name in ("other", "shop")]
    activity = {"asked": True, "databases": ["shop"], "roles": [], "waiting": [], "sessions": [], "elsewhere": []}
    found = database_for_app.settled({**activity, "prepared": prepared}, "shop", "shop")
    assert found["prepared"] == {"user": "shop", "count": 1, "seconds": 9}
    assert "prepared" not in database_for_app.settled({**activity, "prepared": []}, "shop", "shop")


def test_a_ring_of_waiting_sessions_has_no_end() -> None:
    """A deadlock is PostgreSQL's own to break: nobody stands at its end."""
    waiting = [{"pid": 1, "blockers": [2]}, {"pid": 2, "blockers": [1]}]
    assert database_for_app.blockers(waiting, [session(1, 50), session(2, 50)], "shop") == []


def test_renamed_names_are_found() -> None:
    """A database that was renamed is reported, another one is not."""
    activity = {
        "asked": True,
        "databases": ["postgres", "shop_old", "metrics"],
        "roles": ["postgres", "shop"],
        "waiting": [],
        "sessions": [],
        "elsewhere": [
            {"port": 5433, "data": "/d/main", "databases": ["postgres", "shop"], "roles": ["postgres"]},
            {"port": 5434, "data": "/d/new", "databases": None, "roles": ["shop"]},
        ],
    }
    activity = database_for_app.settled(activity, "shop", "shop")
    assert activity["elsewhere"] == [
        {"port": 5433, "data": "/d/main", "has_database": True, "has_role": False},
        {"port": 5434, "data": "/d/new", "has_database": False, "has_role": True},
    ]
    assert (activity["has_database"], activity["has_role"]) == (False, True)
    assert (activity["similar_databases"], activity["similar_roles"]) == (["shop_old"], [])


@pytest.mark.parametrize(
    ("answer", "reported"),
    [
        (b"R\0\0\0\x0c\0\0\0\x0a", ""),
        (b"E\0\0\0\x30SFATAL\0C57P03\0Mthe database system is starting up\0\0", "the database system is starting up"),
        (b"E\0\0\0\x30SFATAL\0C28000\0Mno pg_hba.conf entry\0\0", ""),
        (b"", "the connection was closed without an answer"),
    ],
)
def test_readiness(answer: bytes, reported: str) -> None:
    """A server that refuses one login takes connections all the same; one that starts does not."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        assert postgresql.readiness("127.0.0.1", server.getsockname()[1], "app", "app") == reported
        serving.join()


def test_names_and_texts_cannot_leave_their_quotes() -> None:
    """SQL is made of the target's own settings, which may hold anything."""
    assert postgresql.identifier('a"; DROP') == '"a""; DROP"'
    assert postgresql.literal("it's") == "'it''s'"
    assert postgresql.literal("\\'x") == "E'\\\\''x'"


def test_the_password_is_sent_as_a_verifier() -> None:
    """The example of RFC 7677 for SCRAM-SHA-256, and no password in the statement."""
    shown = app_database.verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert shown == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    made = app_database.statement("role", {"user": "shop", "password": "pencil", "name": "shop"})
    assert "pencil" not in made
    assert made.startswith('CREATE ROLE "shop" LOGIN PASSWORD \'SCRAM-SHA-256$')


def test_only_what_idles_or_blocks_is_chosen() -> None:
    """Numbers are numbers, and texts are quoted."""
    given = {"pid": None, "started": None, "name": "it's", "idle_seconds": 10, "transaction_seconds": 60}
    assert "datname = 'it''s'" in end_sessions.chosen(given)
    assert "active" not in end_sessions.chosen(given)
    assert "started" not in end_sessions.chosen({**given, "pid": 7, "started": "1.5"})


MD5 = "the password of the role shop is kept as an MD5 digest, and pg_hba.conf asks for scram-sha-256"
# Whose passwords are kept how, which methods pg_hba.conf has, and why no password lets the role shop in.
PASSWORDS: dict[str, tuple[dict[str, list[str]], str]] = {
    "not asked": ({}, ""),
    "as it should be": ({"md5_roles": [], "roles_without_password": [], "methods": ["peer", "scram-sha-256"]}, ""),
    "another role's": ({"md5_roles": ["old"], "roles_without_password": ["admin"], "methods": ["scram-sha-256"]}, ""),
    "MD5 where it does": ({"md5_roles": ["shop"], "methods": ["md5", "scram-sha-256"]}, ""),
    "MD5 where passwords are sent as they are": ({"md5_roles": ["shop"], "methods": ["password", "scram-sha-256"]}, ""),
    "MD5 where no password is asked for": ({"md5_roles": ["shop"], "methods": ["peer", "trust"]}, ""),
    "MD5": ({"md5_roles": ["shop"], "methods": ["peer", "scram-sha-256"]}, MD5),
    "none": ({"roles_without_password": ["shop"], "methods": ["md5"]}, "the role shop has no password"),
}


@pytest.mark.parametrize("way", PASSWORDS)
def test_a_password_that_lets_nobody_in(way: str) -> None:
    """None, or an MD5 digest where only SCRAM is asked for; not said where one method or role may differ."""
    activity, why = PASSWORDS[way]
    assert database_for_app._useless_password(activity, "shop") == why
