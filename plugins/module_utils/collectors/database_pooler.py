# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pooler between the app and PostgreSQL: what it is configured to do, asked of its console, and what it refuses."""

from __future__ import annotations

import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import database_startup
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    pgbouncer,
    postgresql,
    postgresql_words,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.pgbouncer import Bouncer
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

LOG_SECONDS = 180.0
SAID_LENGTH = 300
# Its own lines: of a client that it turned away, of a server that turned it away, and of one that it could not reach
# (pgbouncer's objects.c, server.c). The second names neither database nor role.
_TO_CLIENT = re.compile(r" (\S+)@\S+ pooler error: (.+)")
_BY_SERVER = re.compile(r" server login failed: (?:FATAL )?(.+)")
_NO_SERVER = re.compile(r" (\S+)@\S+ closing because: (connect failed)")
_FAILING = "server login has been failing"
# Other ways of knowing whom to let in than its list of users.
_OTHER_WAYS = ("any", "hba", "pam", "cert", "peer")
_ASKED = ("SHOW CONFIG", "SHOW DATABASES", "SHOW USERS", "SHOW POOLS", "SHOW LISTS")


def collect(port: int, name: str, user: str, listeners: list[dict[str, Any]]) -> dict[str, Any]:
    """What stands on the app's port in front of its server; {kind: ""} where nothing does that is known.

    name, user: the app's database and role, empty where its settings could not be read.
    """
    bouncer = pgbouncer.on_port(port, listeners)
    if not bouncer:
        return {"kind": ""}
    given = bouncer.destination(name) if name else None
    facts = {
        "kind": pgbouncer.PROGRAM,
        "unit": bouncer.unit,
        "active_state": bouncer.active_state,
        "running": bool(bouncer.pid),
        "config": bouncer.path,
        "server": _server(given, name),
        **_said(bouncer, name, user),
    }
    if not bouncer.pid:
        return {**facts, "asked": False, "problem": "it does not run"}
    if not accounts.may_become(pgbouncer.account(bouncer)):
        return {**facts, "asked": False, "problem": "only root may become its account"}
    try:
        config, databases, users, pools, lists = pgbouncer.console(bouncer, _ASKED)
    except postgresql.PostgresError as error:
        return {**facts, "asked": False, "problem": str(error)}
    return {
        **facts,
        "asked": True,
        "problem": "",
        **_state(bouncer, name, user, config, databases, users, pools, lists),
    }


Rows = list[dict[str, str]]


def _state(
    bouncer: Bouncer, name: str, user: str, config: Rows, databases: Rows, users: Rows, pools: Rows, lists: Rows
) -> dict[str, Any]:
    """What its console says, of the app's database and role."""
    settings = {row["key"]: row["value"] for row in config}
    own = next((row for row in databases if row["name"] == name), {})
    listed = settings.get("auth_type") not in _OTHER_WAYS and not settings.get("auth_user")
    ours = [row for row in pools if row["database"] == name]
    counts = {row["list"]: _number(row["items"]) for row in lists}
    return {
        "knows_database": bool(own) or pgbouncer.ANY in bouncer.databases if name else None,
        "knows_user": user in [row["name"] for row in users] if user and listed else None,
        "user_file": settings.get("auth_file", ""),
        "paused": own.get("paused") == "1",
        "disabled": own.get("disabled") == "1",
        "clients": counts.get("used_clients", 0),
        "max_clients": _number(settings.get("max_client_conn", "")),
        "pool": {
            "size": _number(own.get("pool_size", "")),
            "active": sum(_number(row.get("cl_active", "")) for row in ours),
            "waiting": sum(_number(row.get("cl_waiting", "")) for row in ours),
            "waited": max((_number(row.get("maxwait", "")) for row in ours), default=0),
            "busy": sum(_number(row.get("sv_active", "")) for row in ours),
        },
    }


def _server(given: dict[str, str] | None, name: str) -> dict[str, Any]:
    """Where its file sends the connections to the app's database."""
    if given is None:
        return {"host": "", "port": 0, "database": ""}
    port = _number(given.get("port", "")) or postgresql.DEFAULT_PORT
    return {"host": given.get("host", ""), "port": port, "database": given.get("dbname", name)}


def _said(bouncer: Bouncer, name: str, user: str) -> dict[str, str]:
    """Its log's last word on the app's connections in the last minutes: to the app, and of what the server said."""
    lines = database_startup.lines_since(bouncer.settings.get("logfile", ""), time.time() - LOG_SECONDS)
    # What its server said stands there in the language of that.
    refused, server_refused = refusals(postgresql_words.lines(lines), name, user)
    return {"refused": refused, "server_refused": server_refused}


def refusals(lines: list[str], name: str, user: str) -> tuple[str, str]:
    """(what it said to the app, what its server said) in its log, each the last time; empty where it said nothing.

    What a server says is passed on to the client, by which it is known whose refusal it was.
    """
    refused, of_server, by_server = "", "", list[str]()
    ours = (f"{name}/{user}", f"(nodb)/{user}", f"{name}/(nouser)")
    for line in lines:
        if match := _BY_SERVER.search(line):
            by_server.append(match.group(1))
        elif (match := _NO_SERVER.search(line)) and match.group(1) in ours:
            of_server = match.group(2)
        elif (match := _TO_CLIENT.search(line)) and match.group(1) in ours:
            refused = match.group(2)
            if by_server and (refused in by_server or refused.startswith(_FAILING)):
                of_server = refused if refused in by_server else by_server[-1]
    return refused[:SAID_LENGTH], of_server[:SAID_LENGTH]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
