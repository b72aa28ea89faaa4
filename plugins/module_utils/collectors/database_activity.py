# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Activity of a database server on this host: who is connected, who waits for whom, which names it knows."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    postgresql,
    postgresql_memory,
    postgresql_others,
)
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, sockets, unread

SERVERS = 4
# `active`: what has taken longer is what a late answer waits for; the look's own requests are not as old.
# One statement, so one moment. Of a query only its first word is taken: the rest may hold anything.
_SQL = r"""
WITH sessions AS (
  SELECT pid, datname, usename, application_name, backend_type, backend_start, state, query, wait_event_type,
    wait_event,
    coalesce(host(client_addr), 'local') AS client, client_port,
    round(extract(epoch FROM clock_timestamp() - state_change)) AS seconds,
    round(extract(epoch FROM clock_timestamp() - query_start)) AS query_seconds,
    round(extract(epoch FROM clock_timestamp() - xact_start)) AS transaction_seconds
  FROM pg_stat_activity
), waiting AS (
  SELECT pid, pg_blocking_pids(pid) AS blockers FROM sessions WHERE wait_event_type = 'Lock' LIMIT 100
), stop AS (
  -- So many before the end PostgreSQL takes no more (SetTransactionIdLimit, SetMultiXactIdLimit).
  SELECT CASE WHEN current_setting('server_version_num')::int >= 140000 THEN 3000000 ELSE 1000000 END AS kept,
    CASE WHEN current_setting('server_version_num')::int >= 140000 THEN 3000000 ELSE 100 END AS mx_kept
), concerned AS (
  SELECT pid FROM waiting UNION SELECT unnest(blockers) FROM waiting
)
SELECT json_build_object(
  'max_connections', current_setting('max_connections')::int,
  'reserved', current_setting('superuser_reserved_connections')::int
    + coalesce(current_setting('reserved_connections', true)::int, 0),
  'used', (SELECT count(*) FROM sessions WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
  'holders', (SELECT coalesce(json_agg(h), '[]') FROM (
    SELECT datname AS database, usename AS "user", application_name AS application, client, state,
      count(*) AS count, max(seconds) AS seconds
    FROM sessions WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 7 DESC LIMIT 10) h),
  'waiting', (SELECT coalesce(json_agg(w), '[]') FROM waiting w),
  'sessions', (SELECT coalesce(json_agg(s), '[]') FROM (
    SELECT pid, datname AS database, usename AS "user", application_name AS application, client, backend_type AS type,
      state, seconds, query_seconds, transaction_seconds, extract(epoch FROM backend_start)::text AS started,
      upper(coalesce(substring(query FROM '^\s*([A-Za-z]+)'), '')) AS command
    FROM sessions JOIN concerned USING (pid)) s),
  'active', (SELECT coalesce(json_agg(a), '[]') FROM (
    SELECT pid, datname AS database, usename AS "user", application_name AS application, client, client_port,
      query_seconds AS seconds, coalesce(wait_event_type, '') AS waits,
      upper(coalesce(substring(query FROM '^\s*([A-Za-z]+)'), '')) AS command
    FROM sessions WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
      AND coalesce(wait_event_type, '') NOT IN ('Lock', 'Client') AND query_seconds > 10
    ORDER BY query_seconds DESC LIMIT 10) a),
  'standby', (SELECT json_build_object('names', current_setting('synchronous_standby_names'),
    'connected', (SELECT coalesce(json_agg(application_name || ' (' || sync_state || ')'), '[]')
      FROM pg_stat_replication),
    'waiting', count(*), 'waited', coalesce(max(query_seconds), 0))
    FROM sessions WHERE wait_event = 'SyncRep'),
  'prepared', (SELECT coalesce(json_agg(p), '[]') FROM (
    SELECT DISTINCT ON (database) database, owner AS "user", count(*) OVER (PARTITION BY database) AS count,
      round(extract(epoch FROM clock_timestamp() - prepared)) AS seconds
    FROM pg_prepared_xacts ORDER BY database, prepared LIMIT 500) p),
  'databases', (SELECT json_agg(datname) FROM (
    SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1 LIMIT 500) d),
  'roles', (SELECT json_agg(rolname) FROM (
    SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1 LIMIT 1000) r),
  'ssl', current_setting('ssl') = 'on',
  'certificate_file', CASE WHEN current_setting('ssl_cert_file') LIKE '/%' THEN current_setting('ssl_cert_file')
    ELSE current_setting('data_directory') || '/' || current_setting('ssl_cert_file') END,
  'in_recovery', pg_is_in_recovery(),
  'transactions_left', (SELECT min(2147483647 - age(datfrozenxid)) - kept FROM pg_database, stop GROUP BY kept),
  'multixacts_left', (SELECT min(2147483647 - mxid_age(datminmxid)) - mx_kept FROM pg_database, stop GROUP BY mx_kept),
  'oldest_database', (SELECT datname FROM pg_database
    ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 1),
  'held_back_by', (SELECT coalesce(json_agg(what), '[]') FROM (
    SELECT what FROM (
      SELECT 'the prepared transaction ' || gid || ' of ' || owner || ' in ' || database || ', of '
        || to_char(prepared, 'YYYY-MM-DD') AS what, age(transaction) AS age FROM pg_prepared_xacts
      UNION ALL
      SELECT 'the replication slot ' || slot_name, greatest(age(xmin), age(catalog_xmin)) FROM pg_replication_slots
      UNION ALL
      SELECT 'pid ' || pid || ' of ' || usename || ', in a transaction for '
        || round(extract(epoch FROM clock_timestamp() - xact_start)) || ' s', age(coalesce(backend_xid, backend_xmin))
      FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL) h
    WHERE age > 100000000 ORDER BY age DESC LIMIT 5) o),
  'role_limits', (SELECT coalesce(json_object_agg(rolname, rolconnlimit), '{}') FROM pg_roles WHERE rolconnlimit >= 0),
  'database_limits', (SELECT coalesce(json_object_agg(datname, datconnlimit), '{}') FROM pg_database
    WHERE datconnlimit >= 0),
  'read_only_server', current_setting('default_transaction_read_only') = 'on',
  'read_only_set', (SELECT coalesce(json_agg(json_build_object('database', datname, 'role', rolname)), '[]')
    FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
    WHERE 'default_transaction_read_only=on' = ANY (s.setconfig)),
  'no_login', (SELECT coalesce(json_agg(rolname), '[]') FROM pg_roles WHERE NOT rolcanlogin AND rolname !~ '^pg_'),
  'closed', (SELECT coalesce(json_agg(datname), '[]') FROM pg_database WHERE NOT datallowconn),
  'no_connect', (SELECT coalesce(json_agg(p), '[]') FROM (
    SELECT datname AS database, rolname AS "role" FROM pg_database, pg_roles
    WHERE datacl IS NOT NULL AND rolcanlogin AND NOT has_database_privilege(rolname, datname, 'CONNECT') LIMIT 5000) p),
  'expired', (SELECT coalesce(json_agg(rolname), '[]') FROM pg_roles WHERE rolvaliduntil < now())
);
"""


# Of each other server of this host no more than the names that it knows.
_NAMES_SQL = """
SELECT json_build_object(
  'data', current_setting('data_directory'),
  'databases', (SELECT json_agg(datname) FROM (
    SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1 LIMIT 500) d),
  'roles', (SELECT json_agg(rolname) FROM (
    SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1 LIMIT 1000) r)
);
"""


# Which password a role has is asked apart: who is not a superuser may not, and still learns all of the above.
_PASSWORDS_SQL = """
SELECT json_build_object(
  'md5_roles', (SELECT coalesce(json_agg(rolname), '[]') FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'md5%'),
  'roles_without_password', (SELECT coalesce(json_agg(rolname), '[]') FROM pg_authid
    WHERE rolcanlogin AND rolpassword IS NULL),
  'methods', (SELECT coalesce(json_agg(DISTINCT auth_method), '[]') FROM pg_hba_file_rules WHERE error IS NULL)
);
"""


# Since PostgreSQL 15 a database says by which version of the system's collation its indexes were made, or checked last.
_COLLATIONS_SQL = """
SELECT json_build_object('collations', (SELECT coalesce(json_agg(json_build_object('database', datname,
    'provider', datlocprovider, 'recorded', datcollversion, 'actual', pg_database_collation_actual_version(oid))), '[]')
  FROM pg_database WHERE datallowconn AND datcollversion <> pg_database_collation_actual_version(oid)));
"""


def collect(listeners: list[dict[str, Any]], port: int) -> dict[str, Any] | unread.Unread:
    """Ask the server that listens here. {asked, problem}, and where it answered what _SQL says."""
    server = postgresql.find(listeners, port)
    why = sockets.barred(listeners)
    if (server and not accounts.may_become(server.account)) or (why and not server):
        return unread.only_root("what PostgreSQL says of itself", "ask it as its own account")
    if not server:
        return {"asked": False, "problem": "no PostgreSQL server listens on a socket of this host"}
    # Where that was removed, nobody gets in to ask anything.
    memory = postgresql_memory.removed(postgresql_others.main_process(server, listeners), server.account)
    known = {"account": server.account, "port": server.port, "shared_memory": memory}
    try:
        activity = json.loads(postgresql.ask(server, _SQL))
    except (postgresql.PostgresError, ValueError) as error:
        return {"asked": False, "problem": str(error), **known}
    units = sockets.client_units(server.port) if activity.get("active") else {}
    activity["active"] = parse_active(activity.get("active", []), units)
    return {
        "asked": True,
        "problem": "",
        "folder": server.folder,
        "others": postgresql_others.others(server, port, listeners),
        "elsewhere": _elsewhere(server, listeners),
        **known,
        **activity,
        **_asked_apart(server, _PASSWORDS_SQL),
        **_asked_apart(server, _COLLATIONS_SQL),
    }


def parse_active(active: list[dict[str, Any]], units: dict[int, str]) -> list[dict[str, Any]]:
    """What _SQL says of sessions at work, with the client's unit in place of its port; empty where that is not known.

    units: those of clients on this host, by port.
    """
    return [
        {
            **{name: value for name, value in item.items() if name != "client_port"},
            "unit": units.get(item["client_port"] or 0, ""),
        }
        for item in active
    ]


def _asked_apart(server: postgresql.Server, sql: str) -> dict[str, Any]:
    """What this statement gives; nothing where that cannot be asked, by this account or of this version."""
    try:
        found: dict[str, Any] = json.loads(postgresql.ask(server, sql, timeout=2.0))
    except (postgresql.PostgresError, ValueError):
        return {}
    return found


def _elsewhere(server: postgresql.Server, listeners: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """{port, data, databases, roles} of each other server on this host that can be asked, at most SERVERS."""
    found = []
    for other in [each for each in postgresql.find_all(listeners) if each.port != server.port][:SERVERS]:
        try:
            found.append({"port": other.port, **json.loads(postgresql.ask(other, _NAMES_SQL, timeout=2.0))})
        except (postgresql.PostgresError, ValueError):
            continue
    return found
