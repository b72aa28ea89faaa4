# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a MySQL or MariaDB server on this host refuses the app: the number that it gave, and what it says of itself.

Sources: dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html,
mariadb.com/kb/en/mariadb-error-code-reference.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import mysql
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

# As the drivers hand it on: (1045, "Access denied for user ...").
_NUMBER = re.compile(r"^\((\d{4}), ")
DENIED, DENIED_DATABASE, UNKNOWN_DATABASE, NOT_FROM_HERE = (1045, 1698), (1044,), (1049,), (1130,)
FULL, BLOCKED, READ_ONLY = (1040, 1203, 1226), (1129,), (1290, 1792, 1836)
KNOWN = (*DENIED, *DENIED_DATABASE, *UNKNOWN_DATABASE, *NOT_FROM_HERE, *FULL, *BLOCKED, *READ_ONLY)
_SQL = """
SELECT 'account', Host, plugin FROM mysql.user WHERE User = {user} ORDER BY 2;
SELECT 'database', SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {name};
SELECT 'right', GRANTEE FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE LIKE CONCAT('''', {user}, '''@%')
  AND {name} LIKE TABLE_SCHEMA UNION SELECT 'right', GRANTEE FROM information_schema.USER_PRIVILEGES
  WHERE GRANTEE LIKE CONCAT('''', {user}, '''@%') AND PRIVILEGE_TYPE <> 'USAGE' LIMIT 1;
SELECT 'server', @@max_connections, @@read_only, @@max_connect_errors;
SELECT 'holder', USER, SUBSTRING_INDEX(HOST, ':', 1), COMMAND, COUNT(*), MAX(TIME) FROM information_schema.PROCESSLIST
  WHERE ID <> CONNECTION_ID() GROUP BY 2, 3, 4 ORDER BY 5 DESC LIMIT 5;
"""


def collect(database: dict[str, Any], rehearsed: Any) -> dict[str, Any] | None:
    """{number, asked, problem, why, max_connections, holders}; None where no such server has refused the app.

    why: what the server says of itself that fits its refusal, in words; empty where nothing does.
    """
    units = database.get("mysql_units") or []
    number = refused(rehearsed)
    if not number or not any(unit["active_state"] == "active" for unit in units) or not _may_ask():
        return None
    user, name = database.get("user", ""), database.get("name", "")
    try:
        rows = mysql.ask(_SQL.format(user=mysql.text(user), name=mysql.text(name)), database["port"])
    except mysql.MysqlError as error:
        taken = f"ERROR {FULL[0]} " in str(error)
        words = "all of its connections are taken, also the one that it keeps for administrators" if taken else ""
        return {"number": number, "asked": False, "problem": str(error), "why": words, "holders": []}
    of_kind = {kind: [row[1:] for row in rows if row[0] == kind] for kind in ("account", "database", "right", "holder")}
    limit, read_only, errors = next(row[1:] for row in rows if row[0] == "server")
    holders = [
        {"user": row[0], "client": row[1], "command": row[2], "count": int(row[3]), "seconds": int(float(row[4] or 0))}
        for row in of_kind["holder"]
    ]
    return {
        "number": number,
        "asked": True,
        "problem": "",
        "why": why(number, user, name, of_kind, int(limit), read_only not in ("0", "OFF"), errors),
        "max_connections": int(limit),
        "holders": holders,
    }


def _may_ask() -> bool:
    try:
        return accounts.may_become(mysql.ACCOUNT)
    except KeyError:
        return False


def refused(rehearsed: Any) -> int:
    """The number by which the server refused the app, the first of them that is known here; 0 without one."""
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    for step in steps.values():
        error = (step or {}).get("error") or {}
        match = _NUMBER.match(str(error.get("message", "")))
        if match and int(match.group(1)) in KNOWN:
            return int(match.group(1))
    return 0


def why(
    number: int, user: str, name: str, rows: dict[str, list[list[str]]], limit: int, read_only: bool, errors: str
) -> str:
    """What of the server's own state explains a refusal, in words; empty where nothing of it does."""
    hosts = [f"{user}@{host}" for host, _plugin in rows["account"]]
    by_socket = [host for host, plugin in rows["account"] if plugin in ("unix_socket", "auth_socket")]
    if number in (*DENIED, *NOT_FROM_HERE) and not hosts:
        return f"it has no account {user}"
    if number in DENIED and len(by_socket) == len(hosts):
        return f"{hosts[0]} is let in only as the system's own user of that name ({rows['account'][0][1]})"
    if number in DENIED:
        return f"it has {', '.join(hosts)}, with another password than the app's, or for another host than the app's"
    if number in NOT_FROM_HERE:
        return f"it has {', '.join(hosts)} alone, and the app comes from another host"
    if number in UNKNOWN_DATABASE and not rows["database"]:
        return f"it has no database {name}"
    if number in DENIED_DATABASE and not rows["right"]:
        return f"{hosts[0] if hosts else user} has no right on the database {name}"
    if number in FULL and sum(int(row[3]) for row in rows["holder"]) >= limit:
        return f"all of its {limit} connections are taken (max_connections)"
    if number in FULL and number != FULL[0]:
        return f"the account {user} has as many connections as it may have"
    if number in BLOCKED:
        return f"it takes no more from that host after {errors} failed connections in a row (max_connect_errors)"
    return "it only takes reads (read_only)" if number in READ_ONLY and read_only else ""
