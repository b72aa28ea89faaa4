"""Indexes that PostgreSQL has begun and not finished, and migrations that would make them, on real hosts."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from test_migrations import applied, migration

from lab import look
from lab.site import Site, differences, named

pytestmark = pytest.mark.nightly

LEFT, SAFE, RISKY = "schema/index-left-invalid", "schema/unapplied-migrations", "schema/risky-migrations"
CATALOGUE = load()
IN_SQL = "operations = [migrations.RunSQL('CREATE INDEX CONCURRENTLY IF NOT EXISTS by_city ON sgis_sgi (city)')]"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = '{}'::regclass"
# Rows that are not unique end it, and leave it behind.
BY_CITY = """
sql -d xamila -c "INSERT INTO sgis_sgi (name, slug, city) SELECT 'one', 'one', 'two' FROM generate_series(1, 2)"
! sql -d xamila -c "CREATE UNIQUE INDEX CONCURRENTLY by_city ON sgis_sgi (city)" 2> /dev/null
"""


def sql(site: Site, text: str) -> str:
    """What PostgreSQL answers, in the app's database."""
    return site.host.run(f'runuser -u postgres -- psql -XAtqd xamila -c "{text}"').stdout.strip()


def test_an_index_left_invalid_is_known_before_migrate(site: Site) -> None:
    """Whatever is approved, migrate is not tried; what is said to do by hand ends with a valid index."""
    site.host.break_with(LEFT)
    broken, had = site.host.snapshot(), applied(site)
    assert sql(site, VALID.format("by_name")) == "f", "the fault"
    code, incident, output = site.play("recover", rescue502_approve=[SAFE, RISKY, "migrate"])
    assert (code, incident["outcome"], named(incident), incident["actions"]) == (2, "needs-human", [LEFT], []), output
    assert (applied(site), differences(broken, site.host.snapshot())) == (had, set())
    (finding,) = [item for item in incident["findings"] if item["id"] == LEFT]
    commands = [line for line in finding["by_hand"].splitlines() if not line.startswith(("#", "cd "))]
    assert "--fake" not in " ".join(commands)
    for command in commands:
        head, manage, words = command.partition(" manage.py ")
        site.host.break_with("", f"manage {words}" if manage else head)
    assert sql(site, VALID.format("by_name")) == "t"
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], named(incident)) == (0, "healthy", []), output


def test_one_that_is_made_now_and_one_that_would_be_taken_for_made(site: Site) -> None:
    """Who may be making it is named; and a migration in SQL that would pass over it is held back as well."""
    # One is made now: somebody's transaction is open, and it waits for that.
    name = "operations = [AddIndexConcurrently('sgi', models.Index(fields=['name'], name='by_name'))]"
    made = migration("0003_by_name", "0002_sgi_city", f"atomic = False\n    {name}").replace(
        "from django.db", "from django.contrib.postgres.operations import AddIndexConcurrently\nfrom django.db", 1
    )
    site.host.break_with("", f'cd "$ROOT"; git() {{ app_git "$@"; }}; {made}\ngit commit -qm By-name; restart_app')
    site.host.run(
        "cd /; begin='BEGIN; UPDATE sgis_sgi SET name = name; SELECT pg_sleep(40)'\n"
        'setsid runuser -u postgres -- psql -qXd xamila -c "$begin" > /dev/null 2>&1 &\nsleep 1\n'
        "make='CREATE INDEX CONCURRENTLY by_name ON sgis_sgi (name)'\n"
        'setsid runuser -u postgres -- psql -qXd xamila -c "$make" > /dev/null 2>&1 &\nsleep 1'
    )
    pid = sql(site, "SELECT pid FROM pg_stat_activity WHERE query ~ '^CREATE INDEX' AND state = 'active'")
    assert (pid.isdigit(), sql(site, VALID.format("by_name"))) == (True, "f"), "the fault"
    (found,) = [item for item in look.diagnosed(site.host, CATALOGUE).findings if item.id == LEFT]
    assert f"pid {pid} works on that table now" in found.because
    assert f"WHERE pid = {pid}" in found.by_hand
    # It has been made, and migrate would end at it: that is another finding.
    holder = "query ~ 'pg_sleep.40' AND pid <> pg_backend_pid()"
    sql(site, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {holder}")
    site.host.run("sleep 2")
    assert sql(site, VALID.format("by_name")) == "t"
    ids = {item.id for item in look.diagnosed(site.host, CATALOGUE).findings}
    assert LEFT not in ids
    assert "schema/partly-applied" in ids
    # Another was left behind by rows that are not unique.
    made = migration("0003_by_name", "0002_sgi_city", f"atomic = False\n    {IN_SQL}")
    site.host.break_with("", f'cd "$ROOT"; git() {{ app_git "$@"; }}; {BY_CITY}{made}\nrestart_app')
    assert sql(site, VALID.format("by_city")) == "f", "the fault"
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_level="full", rescue502_approve=[SAFE, RISKY, "migrate"])
    assert incident["actions"] == [], (code, output)
    assert LEFT in {item["id"] for item in incident["findings"]}
    assert SAFE not in named(incident)
    assert differences(before, site.host.snapshot()) == set()
