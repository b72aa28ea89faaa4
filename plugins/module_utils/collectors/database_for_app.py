# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a database server's activity means for the app: who blocks its sessions, whether its names are known. Pure."""

from __future__ import annotations

import difflib
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import unread

# A wait shorter than this is work, not a fault. The edge has been asked for some seconds before anybody looks here.
LONG_SECONDS = 3.0
KEPT = 10
# Parts of the answer that are settled for the app's own database and role, and then dropped.
INTERNAL = ("active", "prepared", "waiting", "sessions", "expired", "role_limits", "database_limits",
    "read_only_server", "read_only_set", "no_login", "closed", "no_connect", "certificate_file",
    "md5_roles", "roles_without_password", "methods", "collations")  # fmt: skip


def settled(activity: Any, name: str, user: str) -> Any:
    """The result of collect(), for the app: who blocks its sessions, whether its role and database exist.

    name, user: the app's database and role; empty where its settings could not be read.
    """
    if isinstance(activity, unread.Unread) or not activity.get("asked"):
        return activity
    databases, roles = activity["databases"] or [], activity["roles"] or []
    # What the app does not need to know stays on the host.
    kept = {key: value for key, value in activity.items() if key not in INTERNAL}
    if not (kept.get("standby") or {}).get("waiting"):
        kept.pop("standby", None)
    long_queries = [item for item in activity.get("active", ()) if item.pop("database") == name]
    prepared = [item for item in activity.get("prepared", ()) if item.pop("database") == name]
    collations = [item for item in activity.get("collations", ()) if item["database"] == name]
    return {
        **kept,
        **({"collation": {key: collations[0][key] for key in ("recorded", "actual")}} if collations else {}),
        **({"long_queries": long_queries} if long_queries else {}),
        **({"prepared": prepared[0]} if prepared else {}),
        "blockers": blockers(activity["waiting"], activity["sessions"], name or _only(databases)),
        "has_database": name in databases if name else None,
        "has_role": user in roles if user else None,
        "role_expired": user in activity.get("expired", ()) if user else None,
        "useless_password": _useless_password(activity, user),
        "role_limit": activity.get("role_limits", {}).get(user),
        "database_limit": activity.get("database_limits", {}).get(name),
        "read_only": _read_only(activity, name, user),
        "no_entry": _no_entry(activity, name, user),
        "similar_databases": _similar(name, databases),
        "similar_roles": _similar(user, roles),
        "databases": len(databases),
        "roles": len(roles),
        "elsewhere": [_names_known(item, name, user) for item in activity["elsewhere"]],
    }


def _read_only(activity: dict[str, Any], name: str, user: str) -> str:
    """Why transactions of the app may only read, in words; empty where they may write."""
    if activity.get("in_recovery"):
        return "the server is a standby: it only replays what its primary writes"
    # A role's setting in one database counts before the database's and the role's own (ALTER ROLE, Notes).
    for item in activity.get("read_only_set", ()):
        if item["database"] in (name, None) and item["role"] in (user, None):
            whose = [f"{kind} {item[kind]}" for kind in ("database", "role") if item[kind]]
            return f"default_transaction_read_only is on for the {' and the '.join(whose) or 'server'}"
    return "default_transaction_read_only is on for the server" if activity.get("read_only_server") else ""


def _no_entry(activity: dict[str, Any], name: str, user: str) -> str:
    """Why the app's role may not connect to its database whatever its password, in words; empty where it may."""
    if user in activity.get("no_login", ()):
        return f"the role {user} may not log in (NOLOGIN)"
    if name in activity.get("closed", ()):
        return f"the database {name} takes no connections (ALLOW_CONNECTIONS false)"
    barred = {"database": name, "role": user} in activity.get("no_connect", ())
    return f"the role {user} has no CONNECT right on the database {name}" if barred else ""


def _useless_password(activity: dict[str, Any], user: str) -> str:
    """Why no password at all lets the role in where one is asked for, in words; empty where one may.

    A password that is kept as an MD5 digest does for the methods md5 and password, and not for scram-sha-256
    (postgresql.org/docs/current/auth-password.html).
    """
    if user in activity.get("roles_without_password", ()):
        return f"the role {user} has no password"
    methods = set(activity.get("methods", ()))
    if user in activity.get("md5_roles", ()) and "scram-sha-256" in methods and not methods & {"md5", "password"}:
        return f"the password of the role {user} is kept as an MD5 digest, and pg_hba.conf asks for scram-sha-256"
    return ""


def _names_known(other: dict[str, Any], name: str, user: str) -> dict[str, Any]:
    """Another server, and whether it has the app's database and role; None where that name is not known."""
    return {
        "port": other["port"],
        "data": other["data"],
        "has_database": name in (other["databases"] or []) if name else None,
        "has_role": user in (other["roles"] or []) if user else None,
    }


def _only(databases: list[str]) -> str:
    others = [name for name in databases if name != "postgres"]
    return others[0] if len(others) == 1 else ""


def _similar(name: str, known: list[str]) -> list[str]:
    """Names that this one may have been renamed to or from, the closest first."""
    others = [other for other in known if other not in (name, "postgres")]
    close = difflib.get_close_matches(name, others, n=5, cutoff=0.7) if name else []
    longer = [other for other in others if name and (name in other or (len(other) > 3 and other in name))]
    return list(dict.fromkeys([*close, *longer]))[:5]


def blockers(waiting: list[dict[str, Any]], sessions: list[dict[str, Any]], database: str) -> list[dict[str, Any]]:
    """The sessions that others of the database wait for, for long, and that wait for nobody themselves.

    Each has `waiters`, how many wait for it directly or through others, and `waited`, the longest wait in seconds.
    """
    by_pid = {item["pid"]: item for item in sessions}
    waits_for = {item["pid"]: set(item["blockers"]) for item in waiting}
    found: dict[int, dict[str, Any]] = {}
    for pid in waits_for:
        waiter = by_pid.get(pid) or {}
        waited = waiter.get("query_seconds") or 0
        if waiter.get("database") != database or waited < LONG_SECONDS:
            continue
        for root in _roots(pid, waits_for):
            # A pid of 0 is a prepared transaction, which belongs to no session.
            item = found.setdefault(
                root, {**by_pid.get(root, {"type": "prepared transaction"}), "waiters": 0, "waited": 0}
            )
            item.update(pid=root, waiters=item["waiters"] + 1, waited=max(item["waited"], waited))
    return sorted(found.values(), key=lambda item: -item["waiters"])[:KEPT]


def _roots(pid: int, waits_for: dict[int, set[int]]) -> set[int]:
    """Who stands at the end of the chains that a waiting session waits in."""
    seen, ends, todo = {pid}, set(), list(waits_for[pid])
    while todo:
        other = todo.pop()
        if other in seen:
            continue
        seen.add(other)
        if other in waits_for:
            todo += waits_for[other]
        else:
            ends.add(other)
    return ends
