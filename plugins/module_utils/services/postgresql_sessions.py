# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a session of a program is changing a database: PostgreSQL says what it did last, and who waits for it.

Source: postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW.
"""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, sockets

# A session that others wait for may be the very fault, and a person decides on it. One that only reads, as a check does
# that keeps its connection, may be there for months; a dump that is restored ends in SELECTs that set sequences.
_SQL = """
SELECT count(*) FROM pg_stat_activity AS session
WHERE backend_type = 'client backend' AND application_name = '%s' AND pid <> pg_backend_pid()
  AND (backend_xid IS NOT NULL OR query !~* '^\\s*(|select|show|begin|start|fetch|explain|commit|rollback|--.*)\\M'
    OR query ~* '\\msetval\\M')
  AND NOT EXISTS (
    SELECT FROM pg_stat_activity AS waiting
    WHERE wait_event_type = 'Lock' AND session.pid = ANY (pg_blocking_pids(waiting.pid)))
"""

# What pg_restore and psql do with the rows of a dump, whichever host they run on.
_LOADING = r"""
SELECT pid || ' ' || datname FROM pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND query ~* '^\s*copy\M.*\mfrom\s+stdin\M'
"""


def loading(database: str) -> list[int]:
    """The processes of sessions, on any server of this host, through which somebody loads a dump into a database.

    The program itself may run on another host, so that nothing of it is seen here but its session.
    """
    found = []
    for server in postgresql.find_all(sockets.listeners()):
        try:
            rows = postgresql.ask(server, _LOADING).splitlines() if accounts.may_become(server.account) else []
        except (postgresql.PostgresError, KeyError):
            continue
        found += [int(pid) for pid, _blank, name in (row.partition(" ") for row in rows) if name == database]
    return found


def is_changing(application: str) -> bool:
    """Whether a session of that name, on any server of this host, changes something and keeps nobody waiting.

    application: as it calls itself, a plain word. False where no server can be asked: nothing is known then.
    """
    for server in postgresql.find_all(sockets.listeners()):
        try:
            if accounts.may_become(server.account) and int(postgresql.ask(server, _SQL % application)):
                return True
        except (postgresql.PostgresError, ValueError, KeyError):
            continue
    return False
