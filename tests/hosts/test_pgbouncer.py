"""PgBouncer between the app and PostgreSQL: what it refuses is named as its own, and what is down is started."""

from __future__ import annotations

import pytest

from lab.site import Site, named

pytestmark = pytest.mark.nightly

REFUSES = "database/pooler-refuses"
CONSOLE = "runuser -u postgres -- psql -qXh /var/run/postgresql -p 6432 -U pgbouncer pgbouncer -c"
# Another client, which has a connection and does nothing with it.
HELD = """
stop_app
systemctl restart pgbouncer
systemd-run -q --setenv=PGPASSWORD=between-7391 bash -c \
  "(echo 'SELECT 1;'; exec sleep 600) | psql -qXh 127.0.0.1 -p 6432 -U '$DATABASE_USER' '$DATABASE_NAME'"
until_true "ss -nt state established '( dport = :6432 )' | grep -q 6432"
sleep 1
"""
RESTARTED = "systemctl restart pgbouncer\n"
INI = "/etc/pgbouncer/pgbouncer.ini"
# Bash that breaks it, and what the sentence must hold.
WAYS = {
    "it does not know the role": (f": > /etc/pgbouncer/userlist.txt\n{RESTARTED}", "has no user"),
    "it has another password of the role": (
        f"sed -i 's/between-7391/of-last-year/' /etc/pgbouncer/userlist.txt\n{RESTARTED}",
        "turns",
    ),
    "it does not know the database": (f'sed -i "s/^$DATABASE_NAME = /old = /" {INI}\n{RESTARTED}', "knows no database"),
    "PostgreSQL has another password": (
        f"sql -c \"ALTER ROLE $DATABASE_USER PASSWORD 'of-this-year'\"\n{RESTARTED}",
        "is itself refused by PostgreSQL at 127.0.0.1:5432",
    ),
    "it has as many clients as it may have": (f"echo 'max_client_conn = 1' >> {INI}\n{HELD}", "(max_client_conn)"),
    "all connections of its pool are taken": (
        f"printf 'default_pool_size = 1\\nmax_db_connections = 1\\n' >> {INI}\n{HELD}",
        "in use (pool_size)",
    ),
    "a query waits for too long": (
        f"printf 'default_pool_size = 1\\nquery_wait_timeout = 2\\n' >> {INI}\n{HELD}",
        "query_wait_timeout",
    ),
    "somebody has paused it": (f"stop_app\n{CONSOLE} PAUSE\n", "paused by an administrator"),
    "it reaches no server": (f"sed -i 's/port=5432/port=5999/' {INI}\n{RESTARTED}", "reaches no server at"),
}


@pytest.mark.parametrize("way", WAYS)
def test_its_own_refusals_are_its_own(site: Site, way: str) -> None:
    """That is the one cause; PostgreSQL, its password and its roles are not blamed, and nothing is done."""
    fault, words = WAYS[way]
    site.host.break_with("", f"put_pgbouncer_between\n{fault}\nrestart_app\n")
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    assert site.host.run("pgrep -x pgbouncer").stdout.strip()
    code, incident, output = site.play("recover")
    assert named(incident) == [REFUSES], output
    assert words in incident["root_causes"][0]["because"], incident["root_causes"][0]["because"]
    assert "pgbouncer on port 6432" in incident["root_causes"][0]["because"]
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output


DOWN = {
    "it is stopped": ("systemctl stop pgbouncer", "database/pooler-stopped", "pgbouncer.service is inactive"),
    "it was killed": (
        "systemctl kill -s KILL pgbouncer\nuntil_true '! pgrep -x pgbouncer'",
        "database/pooler-stopped",
        "is failed",
    ),
    "the server behind it is stopped": (
        "systemctl stop $DATABASE_UNIT",
        "database/stopped",
        "pgbouncer on port 6432, where the app looks for it, has no server at 127.0.0.1:5432",
    ),
}


@pytest.mark.parametrize("way", DOWN)
def test_what_is_down_is_started(site: Site, way: str) -> None:
    """Unasked: PgBouncer, or the server behind it, whichever it is; a second run finds nothing to do."""
    fault, cause, words = DOWN[way]
    site.host.break_with("", f"put_pgbouncer_between\n{fault}\nrestart_app\n")
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    code, incident, output = site.play("recover")
    assert named(incident) == [cause], output
    assert words in incident["root_causes"][0]["because"], incident["root_causes"][0]["because"]
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert [action["remedy"] for action in incident["actions"]] == ["start_database", "restart"], output
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output


def test_one_that_is_well_is_no_finding(site: Site) -> None:
    """The database answers by way of it: nothing is found, and it is known which server stands behind it."""
    site.host.break_with("", "put_pgbouncer_between")
    assert site.host.ask(site.shape.api_path)[0] == 200
    code, incident, output = site.play("diagnose", rescue502_level="full")
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output
    pooler = incident["evidence"]["database_pooler"]
    assert (pooler["kind"], pooler["asked"], pooler["server"]["port"]) == ("pgbouncer", True, 5432)
