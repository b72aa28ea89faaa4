# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The database: which one the app uses, where it is, and whether its server runs and listens here."""

from __future__ import annotations

import os
import re
import socket
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    pgbouncer,
    postgresql_clusters,
    postgresql_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.postgresql import DEFAULT_PORT
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import name_resolution, sockets, systemd, unread

DOOR_SECONDS = 2.0
_PROPERTIES = [
    "Id", "LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "Type", "ExecMainStatus", "FragmentPath",
]  # fmt: skip
# Of other engines, where the settings name none; a file of SQLite's has none.
_PORTS = {"mysql": 3306, "sqlite3": 0}
# The units that run MySQL or MariaDB, by their distributions' names.
_MYSQL = ("mariadb.service", "mysql.service", "mysqld.service")
# Steps of the rehearsal that fail where a server is not the app's, or holds other data.
_REFUSED = ("database", "migrations", "requests")
_HOST_NAME = re.compile(r"(?i)^(.*_)?(db|database|postgres|postgresql|pg)_?host(name)?$")
_PORT_NAME = re.compile(r"(?i)^(.*_)?(db|database|postgres|postgresql|pg)_?port$")


def collect(stack: Stack, listeners: list[dict[str, Any]]) -> dict[str, Any]:
    """The facts that are known without asking Django: units, listeners, and the place that the environment names."""
    units = server_units(stack.database_unit)
    place = place_from_environment(stack.environment)
    return {
        "unit": stack.database_unit,
        "units": units,
        "running": any(unit["active_state"] == "active" for unit in units),
        "place": place,
        "door": door(place["host"], place["port"]) if place["host"] else "",
        "sockets": [_address(item) for item in listeners if _is_postgres(item)],
        "folders": postgresql_files.data_folders(listeners, stack.database_unit),
    }


def server_units(unit: str) -> list[dict[str, str]]:
    """The units that really run a server: Debian's `postgresql` only gathers `postgresql@15-main` and the like."""
    if not unit:
        return []
    name = unit[: -len(".service")] if unit.endswith(".service") else unit
    units = _shown(f"{name}@*.service", f"{name}.service")
    instances = [item for item in units if "@" in item["name"]]
    if not instances and name == "postgresql":
        # A pattern finds none that was stopped: the gathering unit stays active then, as if a server ran.
        instances = _shown(*postgresql_clusters.ports())
    return instances or units


def _shown(*names: str) -> list[dict[str, str]]:
    """Facts of these units; none where none are named."""
    if not names:
        return []
    text = systemd.systemctl("show", "--property=" + ",".join(_PROPERTIES), "--", *names)
    found = [systemd.parse_show(block) for block in text.split("\n\n") if block.strip()]
    return [
        {
            "name": item.get("Id", ""),
            "load_state": item.get("LoadState", ""),
            "active_state": item.get("ActiveState", ""),
            "sub_state": item.get("SubState", ""),
            "result": item.get("Result", ""),
            "file_state": item.get("UnitFileState", ""),
            "type": item.get("Type", ""),
        }
        for item in found
    ]


def place_from_environment(environment: dict[str, str]) -> dict[str, Any]:
    """Host and port of the database by the names that variables usually have; empty where none is there."""
    for value in environment.values():
        if re.match(r"^(postgres|postgresql|postgis|psql|pgsql)(\+\w+)?://", value):
            try:
                parts = urlsplit(value)
                return {"host": parts.hostname or "", "port": parts.port or DEFAULT_PORT, "known": True}
            except ValueError:
                continue
    host = next((value for name, value in environment.items() if _HOST_NAME.match(name)), None)
    port = next((value for name, value in environment.items() if _PORT_NAME.match(name)), "")
    return {"host": host or "", "port": int(port) if port.isdigit() else DEFAULT_PORT, "known": host is not None}


def door(host: str, port: int) -> str:
    """Why nobody can be reached where the app looks for its database; empty where somebody accepts a connection."""
    if name_resolution.is_name(host) and not name_resolution.look_up(host)["ok"]:
        return str(name_resolution.look_up(host)["error"])
    kind = "unix" if host.startswith("/") else "tcp"
    bind = {"kind": kind, "host": host, "port": port, "path": os.path.join(host, f".s.PGSQL.{port}")}
    return sockets.connects(bind, DOOR_SECONDS)


def is_local(host: str) -> bool:
    """Whether a database host is this machine: a socket folder, loopback, or one of our own addresses."""
    if host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/") or host == socket.gethostname():
        return True
    addresses = name_resolution.look_up(host)["addresses"] if name_resolution.is_name(host) else [host]
    return any(name_resolution.is_of_this_host(address) for address in addresses)


def _is_postgres(item: dict[str, Any]) -> bool:
    if pgbouncer.is_one(item["command"]):
        return False
    return ".s.PGSQL." in item["path"] or "postgres" in os.path.basename(item["command"].split(" ")[0])


def _address(item: dict[str, Any]) -> str:
    return item["path"] or f"{item['host']}:{item['port']}"


def settled(
    facts: dict[str, Any], stack: Stack, listeners: list[dict[str, Any]], rehearsed: Any = None
) -> dict[str, Any]:
    """The result of collect(), joined with Django's settings; itself where the collector failed.

    rehearsed: the rehearsal's facts, or the Unread in their place; None before it. Django's settings win, then the
    environment. `used` and `local` stay None where nothing says so.
    """
    if "failed" in facts:
        return facts
    # Where only the account was in the way, what the rehearsal would have reported is unread, and not absent.
    unrehearsed = rehearsed if isinstance(rehearsed, unread.Unread) else None
    rehearsal = rehearsed or {}
    steps = rehearsal.get("steps", {})
    asked = steps.get("database") or {}
    # Of several databases the one that does not answer is the one to look at.
    alias = asked.get("alias") or "default"
    default = ((steps.get("settings") or {}).get("databases") or {}).get(alias) or {}
    place = facts["place"]
    engine = default.get("engine", "")
    postgres = engine in ("postgresql", "postgresql_psycopg2", "postgis")
    host = default.get("host", "") if default else place["host"]
    port = int(default["port"]) if default.get("port", "").isdigit() else _PORTS.get(engine, place["port"])
    known = bool(default) or place["known"] or bool(stack.database_unit)
    used: Any = postgres if default else (True if place["known"] or stack.database_unit else None)
    local: Any = is_local(host) if known and used else None
    if stack.environment_unread and not default and not place["known"] and not stack.database_is_here:
        # A server on this host need not be the one that the app's variables name.
        used = local = unread.Unread("which database the app uses", stack.environment_unread[0].why)
    unit, units, listening = facts["unit"], facts["units"], _listening(host, port, listeners)
    behind = _behind_pooler(port, default.get("name", ""), listeners) if local is True else None
    if behind:
        # What listens is a pooler: whether a server does is another question.
        local = is_local(behind["host"])
        listening = local and _listening(behind["host"], behind["port"], listeners)
    # A unit of another name runs another server than Debian's clusters, whatever port those are configured for.
    is_debians = local is True and unit.partition("@")[0].partition(".")[0] == "postgresql"
    # Of several clusters the one that serves the app's port: the others are not its own.
    if (
        is_debians
        and (len(units) > 1 or not listening)
        and (own := postgresql_clusters.serving(behind["port"] if behind else port))
    ):
        unit, units = own, [item for item in units if item["name"] == own] or server_units(own)
    stopped = [unit["name"] for unit in units if unit["active_state"] != "active"]
    down = stopped if local is True and not listening else []
    # What a server does not know, or does not let in, may be another one's that should be in its place.
    refused = local is True and any((steps.get(name) or {}).get("ok") is False for name in _REFUSED)
    return {
        **facts,
        "unit": unit,
        "units": units,
        "running": any(unit["active_state"] == "active" for unit in units),
        "engine": engine,
        "name": default.get("name", ""),
        "user": default.get("user", ""),
        "host": host,
        "port": port,
        "used": used,
        "local": local,
        "listening": listening,
        "error": asked.get("error") if unrehearsed is None else unrehearsed,
        "answered": asked.get("ok") if unrehearsed is None else unrehearsed,
        "versions": asked.get("versions") or {},
        "hung": rehearsal.get("hung") == "database" if unrehearsed is None else unrehearsed,
        **({"by_hand": kept} if is_debians and not listening and (kept := postgresql_clusters.by_hand(port)) else {}),
        **({"recovery": file} if (file := next(filter(None, map(postgresql_files.recovery_file, down)), "")) else {}),
        **({"displaced": other} if refused and listening and (other := postgresql_clusters.displaced(port)) else {}),
        **({"mysql_units": _mysql_units()} if engine == "mysql" and is_local(host) else {}),
    }


def _mysql_units() -> list[dict[str, str]]:
    """The units of this host that run MySQL or MariaDB; one of them is often another name of the other."""
    found = {unit["name"]: unit for unit in _shown(*_MYSQL) if unit["load_state"] != "not-found"}
    return list(found.values())


def _behind_pooler(port: int, name: str, listeners: list[dict[str, Any]]) -> dict[str, Any] | None:
    """{host, port} of the server to which a pooler on the app's port sends its connections, where one runs."""
    bouncer = pgbouncer.on_port(port, listeners)
    given = bouncer.destination(name) if bouncer and bouncer.pid else None
    if given is None:
        return None
    return {"host": given.get("host", ""), "port": int(given.get("port", "") or DEFAULT_PORT)}


def _listening(host: str, port: int, listeners: list[dict[str, Any]]) -> bool:
    """Whether something listens where the app would look: a socket folder or a TCP port."""
    if host.startswith("/") or not host:
        return any(item["path"].endswith(f".s.PGSQL.{port}") for item in listeners)
    return any(item["kind"] == "tcp" and item["port"] == port for item in listeners)
