"""Why MySQL or MariaDB refuses the app: its number, and what of the server's own state explains it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database_mysql
from ansible_collections.rescue502.django.plugins.module_utils.services import mysql

UNITS = [{"name": "mariadb.service", "active_state": "active"}]
DATABASE = {"mysql_units": UNITS, "user": "shop", "name": "shop_live", "port": 3306}
SERVER = ["server", "100", "0", "10"]
HERE = ["account", "localhost", "mysql_native_password"]
SOCKET = ["account", "localhost", "unix_socket"]
THERE = ["database", "shop_live"]
RIGHT = ["right", "'shop'@'localhost'"]
REPORTS = ["holder", "reports", "192.0.2.9", "Sleep", "98", "700"]
SHOP = ["holder", "shop", "localhost", "Sleep", "2", "3"]


def rehearsed(number: int, step: str = "database") -> dict[str, Any]:
    """A rehearsal in which the server gave a number."""
    return {"steps": {"settings": {"error": None}, step: {"error": {"message": f"({number}, 'no')"}}}}


def asked(monkeypatch: pytest.MonkeyPatch, number: int, *rows: list[str]) -> Any:
    """What is made of the server's answer."""
    monkeypatch.setattr(database_mysql.accounts, "may_become", lambda _name: True)
    monkeypatch.setattr(mysql, "ask", lambda _sql, _port: list(rows))
    return database_mysql.collect(DATABASE, rehearsed(number))


@pytest.mark.parametrize(
    ("number", "rows", "why"),
    [
        (1045, [SERVER], "it has no account shop"),
        (1130, [SERVER], "it has no account shop"),
        (1698, [SERVER, SOCKET], "shop@localhost is let in only as the system's own user of that name (unix_socket)"),
        (1045, [SERVER, HERE], "it has shop@localhost, with another password than the app's"),
        (1130, [SERVER, HERE], "it has shop@localhost alone, and the app comes from another host"),
        (1049, [SERVER, HERE], "it has no database shop_live"),
        (1049, [SERVER, HERE, THERE], ""),
        (1044, [SERVER, HERE, THERE], "shop@localhost has no right on the database shop_live"),
        (1044, [SERVER, HERE, THERE, RIGHT], ""),
        (1040, [SERVER, HERE, REPORTS, SHOP], "all of its 100 connections are taken"),
        # They have gone since: nothing is said.
        (1040, [SERVER, HERE, SHOP], ""),
        (1203, [SERVER, HERE, SHOP], "the account shop has as many connections as it may have"),
        (1129, [SERVER, HERE], "after 10 failed connections in a row"),
        (1290, [["server", "100", "1", "10"]], "it only takes reads"),
        (1290, [SERVER], ""),
    ],
)
def test_what_explains_a_number(monkeypatch: pytest.MonkeyPatch, number: int, rows: list[list[str]], why: str) -> None:
    """Only what the server itself says; where that does not fit, nothing does."""
    found = asked(monkeypatch, number, *rows)
    assert (found["number"], found["asked"]) == (number, True)
    assert found["why"].startswith(why) if number != 1129 else why in found["why"]
    assert bool(found["why"]) == bool(why)


def test_who_holds_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest group first, as the server gives them."""
    found = asked(monkeypatch, 1040, SERVER, HERE, REPORTS, SHOP)
    assert found["holders"][0] == {
        "user": "reports", "client": "192.0.2.9", "command": "Sleep", "count": 98, "seconds": 700,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "taken"),
    [("ERROR 1040 (HY000): Too many connections", True), ("ERROR 1698 (28000): Access denied", False)],
)
def test_a_server_that_does_not_let_root_in(monkeypatch: pytest.MonkeyPatch, words: str, taken: bool) -> None:
    """Where it has no connection for its own root either, that is the answer; else none is known."""

    def refuse(_sql: str, _port: int) -> list[list[str]]:
        raise mysql.MysqlError(words)

    monkeypatch.setattr(database_mysql.accounts, "may_become", lambda _name: True)
    monkeypatch.setattr(mysql, "ask", refuse)
    found = database_mysql.collect(DATABASE, rehearsed(1040))
    assert found is not None
    assert (found["asked"], found["problem"], bool(found["why"])) == (False, words, taken)


@pytest.mark.parametrize("given", [None, {}, rehearsed(9999), {"steps": {"database": None}}])
def test_nothing_is_asked_without_a_refusal(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    """Nor where no such server runs here."""
    monkeypatch.setattr(mysql, "ask", lambda _sql, _port: 1 / 0)
    assert database_mysql.collect(DATABASE, given) is None
    assert database_mysql.collect({"mysql_units": []}, rehearsed(1045)) is None


def test_the_app_s_own_names_are_no_sql() -> None:
    """They are handed on as numbers."""
    assert mysql.text("a' OR '1") == "CONVERT(0x6127204f52202731 USING utf8mb4)"
    assert mysql.text("") == "''"
