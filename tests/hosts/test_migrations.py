"""Migrations on real hosts: a dump before where rows could be lost, none without room, taken back where one fails."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from test_playbooks import CHECKOUT, publish

from lab import look
from lab.podman import podman
from lab.site import Site, differences, named

RISKY, SAFE, PARTLY = "schema/risky-migrations", "schema/unapplied-migrations", "schema/partly-applied"
CATALOGUE = load()
BACKUPS = "/var/lib/rescue502/backups"
FREE_CODE = "operations = [migrations.RunPython(lambda apps, editor: None, migrations.RunPython.noop)]"
FAILS = 'operations = [migrations.RunSQL("SELECT 1/0", migrations.RunSQL.noop)]'
# Rows that are there speak against it, which no look at the tables shows.
ONE_EACH = "operations = [migrations.AddConstraint('sgi', models.UniqueConstraint(fields=['city'], name='one_each'))]"
INDEX = "operations = [migrations.AddIndex('sgi', models.Index(fields=['name'], name='by_name'))]"
NEW_FIELD = (
    "operations = [migrations.AddField('sgi', 'street', models.CharField(max_length=9, default='', blank=True))]"
)


def notes(site: Site) -> list[dict[str, Any]]:
    """What stands next to each dump on the host, the oldest first."""
    done = site.host.run(f"cat $(ls -tr {BACKUPS}/*.json)", check=False)
    return [json.loads("{" + part) for part in done.stdout.split("{")[1:]]


def rows(site: Site, database: str) -> dict[str, str]:
    """How many rows each table has."""
    sql = (
        "SELECT tablename, (xpath('//c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I', tablename), "
        "false, true, '')))[1] FROM pg_tables WHERE schemaname = 'public'"
    )
    lines = site.host.run(f'runuser -u postgres -- psql -AtXd {database} -c "{sql}"').stdout.splitlines()
    return dict(line.split("|") for line in lines)


def applied(site: Site) -> str:
    """The migrations that the database has, in their order."""
    return site.host.run(
        "runuser -u postgres -- psql -AtXd xamila -c 'SELECT app, name FROM django_migrations ORDER BY id'"
    ).stdout


def invocation(site: Site) -> str:
    """systemd's name for this start of the app."""
    return site.host.run("systemctl show -P InvocationID xamila").stdout


def migration(name: str, after: str, operations: str) -> str:
    """Bash that adds a migration to the checkout."""
    text = (
        "from django.db import migrations, models\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [('sgis', '{after}')]\n    {operations}\n"
    )
    return f"cat > sgis/migrations/{name}.py <<'MIGRATION'\n{text}MIGRATION\ngit add ."


def test_a_risky_migration_waits_and_is_dumped_before(site: Site) -> None:
    """Nothing is done unasked; approved, all rows are in a dump that only root may read and that can be restored."""
    secrets = site.host.run("sed -n 's/^DB_PASSWORD=//p' /var/www/xamila/xamila_backend/.env").stdout.split()
    site.host.break_with(RISKY)
    before, had = rows(site, "xamila"), applied(site)
    _code, incident, output = site.play("recover")
    assert (incident["outcome"], named(incident)) == ("needs-approval", [RISKY]), output
    assert (applied(site), notes(site)) == (had, [])
    code, incident, output = site.play("recover", "-vvv", rescue502_approve=[RISKY])
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert secrets[0] not in output
    (note,) = notes(site)
    reported = incident["actions"][0]["message"]
    assert note["path"] in reported
    assert note["restore"] in reported
    assert "migrate sgis 0001_initial" in reported
    assert site.host.run(f"stat -c '%U %a' {note['path']} {BACKUPS}").stdout.split() == ["root", "600", "root", "700"]
    assert applied(site) != had
    site.host.run("runuser -u postgres -- createdb scratch")
    site.host.run(f"runuser -u postgres -- pg_restore -d scratch --exit-on-error < {note['path']}")
    assert rows(site, "scratch") == before
    # As the report says: the code then waits for its migration again.
    site.host.run(note["restore"])
    assert (rows(site, "xamila"), applied(site)) == (before, had)


@pytest.mark.nightly
def test_without_room_for_a_dump_nothing_is_migrated(site: Site) -> None:
    """The message says how much is needed and where; a user who wants no dump says so, and gets none."""
    site.host.break_with(RISKY)
    site.host.run("mkdir /var/lib/rescue502; mount -t tmpfs -o size=1m,mode=0700 tmpfs /var/lib/rescue502")
    broken = site.host.snapshot()
    _code, incident, output = site.play("recover", rescue502_approve=[RISKY])
    assert incident["outcome"] == "failed", output
    assert [(action["remedy"], action["ok"], action["changed"]) for action in incident["actions"]] == [
        ("migrate", False, False)
    ]
    assert "no room for a dump of xamila in /var/lib/rescue502" in incident["actions"][0]["message"]
    assert differences(broken, site.host.snapshot()) == set()
    assert site.host.run("find /var/lib/rescue502 -path '*/backups/*' -type f").stdout == ""
    settings = {"rescue502_approve": [RISKY], "rescue502_backup_before_migrate": False}
    _code, incident, output = site.play("recover", **settings)
    assert incident["outcome"] == "recovered", output
    assert site.host.run("find /var/lib/rescue502 -path '*/backups/*' -type f").stdout == ""


def test_a_failing_migration_takes_back_those_before_it(site: Site) -> None:
    """A redeploy of two, of which the second fails: tables and code are the old ones again, and the site serves."""
    before, had, head = invocation(site), applied(site), site.host.run(CHECKOUT + "rev-parse HEAD").stdout
    tables = site.host.snapshot()["tables"]
    good = migration("0003_street", "0002_sgi_city", NEW_FIELD)
    publish(site, f"{good}\n{migration('0004_street_again', '0003_street', NEW_FIELD)}")
    code, _incident, output = site.play("redeploy")
    assert code == 2, output
    assert "sgis.0003_street had been applied and was taken back" in output.replace("\n", " ").replace("        ", "")
    assert "its code is back on disk" in output
    assert (invocation(site), applied(site), site.host.snapshot()["tables"]) == (before, had, tables)
    assert site.host.run(CHECKOUT + "rev-parse HEAD").stdout == head
    assert site.host.ask("/api/sgis/")[0] == 200
    # Now or later, by whomever it is started again.
    site.host.run("systemctl restart xamila; sleep 2")
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_a_failing_migration_leaves_what_cannot_be_taken_back(site: Site) -> None:
    """Free code has run before it: that stays, after a dump, the old process serves, and a person must decide."""
    before, had = invocation(site), applied(site)
    ran = migration("0003_free_code", "0002_sgi_city", FREE_CODE)
    publish(site, f"{ran}\n{migration('0004_fails', '0003_free_code', FAILS)}")
    code, _incident, output = site.play("redeploy")
    assert code == 2, output
    words = " ".join(output.split())
    assert "the new code stays on disk" in words
    assert "taken back by: migrate sgis 0002_sgi_city" in words
    (note,) = notes(site)
    assert note["path"] in words
    assert applied(site) == f"{had}sgis|0003_free_code\n"
    assert invocation(site) == before
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_a_column_made_by_hand_is_known_before_migrate(site: Site) -> None:
    """Whatever is approved, nothing is migrated, and nothing is noted as applied; what is said to do by hand helps."""
    site.host.break_with(PARTLY)
    broken, had = site.host.snapshot(), applied(site)
    code, incident, output = site.play("recover", rescue502_approve=[SAFE, RISKY, "migrate"])
    assert (code, incident["outcome"], named(incident), incident["actions"]) == (2, "needs-human", [PARTLY], []), output
    assert (applied(site), differences(broken, site.host.snapshot())) == (had, set())
    (cause,) = incident["root_causes"]
    assert "has column sgis_sgi.street already, but not column sgis_sgi.country" in cause["because"]
    (finding,) = [item for item in incident["findings"] if item["id"] == PARTLY]
    commands = [line for line in finding["by_hand"].splitlines() if " manage.py " in line and not line.startswith("#")]
    told, there, before, fake = (line.partition(" manage.py ")[2].partition("    #")[0] for line in commands)
    site.host.break_with("", f"manage {before}; manage {there} | grep -q street")
    lacking = f"manage {told} | grep 'ADD COLUMN .country' | sql -d xamila"
    site.host.break_with("", f"{lacking}\nmanage {fake}\nrestart_app")
    assert applied(site) == f"{had}sgis|0099_where\n"
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], named(incident)) == (0, "healthy", []), output


@pytest.mark.nightly
def test_a_redeploy_ends_before_a_migration_that_is_partly_there(site: Site) -> None:
    """Nothing is migrated, not even what comes before it; the old code is back on disk, and serves."""
    before, had, head = invocation(site), applied(site), site.host.run(CHECKOUT + "rev-parse HEAD").stdout
    publish(
        site,
        f"{migration('0003_by_name', '0002_sgi_city', INDEX)}\n{migration('0004_street', '0003_by_name', NEW_FIELD)}",
    )
    site.host.run("runuser -u postgres -- psql -qXd xamila -c 'ALTER TABLE sgis_sgi ADD street varchar(9)'")
    tables = site.host.snapshot()["tables"]
    code, _incident, output = site.play("redeploy")
    assert code == 2, output
    assert "The database has column sgis_sgi.street already, which sgis.0004_street would make" in " ".join(
        output.split()
    )
    assert (invocation(site), applied(site), site.host.snapshot()["tables"]) == (before, had, tables)
    assert site.host.run(CHECKOUT + "rev-parse HEAD").stdout == head
    assert site.host.ask("/api/sgis/")[0] == 200


DIES = f"atomic = False\n    {NEW_FIELD[:-1]}, migrations.RunSQL('SELECT 1/0')]"
# Bash: how the database gets ahead of what it has noted, with a sign that it has; what is said of it.
AHEAD = {
    "a migration that died half way": (
        migration("0003_where", "0002_sgi_city", DIES)
        + "\ngit commit -qm 'Where'; ! manage migrate; manage showmigrations sgis | grep '\\[ \\] 0003_where'",
        "sgis.0003_where is not applied, and the database has column sgis_sgi.street already, which is all that",
    ),
    "a squashed migration that does not say what it replaces": (
        "git reset -q --hard HEAD~1; sql -d xamila -c 'ALTER TABLE sgis_sgi DROP street'\n"
        "git mv sgis/migrations/0001_initial.py sgis/migrations/0001_squashed.py\n"
        "git rm -q sgis/migrations/0002_sgi_city.py; git commit -qm 'Squashed'\n"
        "manage showmigrations sgis | grep '\\[ \\] 0001_squashed'",
        "sgis.0001_squashed is not applied, and the database has table sgis_sgi, ",
    ),
    "a dump without the record of migrations": (
        "git reset -q --hard HEAD~1; sql -d xamila -c 'TRUNCATE django_migrations'\n"
        "manage showmigrations sgis | grep '\\[ \\] 0001_initial'",
        "contenttypes.0001_initial is not applied, and the database has table django_content_type, ",
    ),
}


@pytest.mark.nightly
def test_what_a_database_has_before_its_time(site: Site) -> None:
    """In several ways, one after the other: it is named, nothing is migrated, and nothing is noted as applied."""
    for way, (script, said) in AHEAD.items():
        site.host.break_with("", f'cd "$ROOT"; git() {{ app_git "$@"; }}; {script}\nrestart_app')
        before = site.host.snapshot()
        found = look.diagnosed(site.host, CATALOGUE)
        assert PARTLY in [item.id for item in found.root_causes], way
        (cause,) = [item for item in found.root_causes if item.id == PARTLY]
        assert said in cause.because, way
        assert not {SAFE, RISKY} & {item.id for item in found.root_causes}, way
        assert differences(before, site.host.snapshot()) == set(), way


@pytest.mark.nightly
def test_a_site_that_serves_is_not_migrated_unasked(site: Site) -> None:
    """New code was pulled, the old still serves: nothing is done until approved, and then the new code is started."""
    publish(site, migration("0003_street", "0002_sgi_city", NEW_FIELD))
    site.host.run(CHECKOUT + "pull -q")
    before, had, broken = invocation(site), applied(site), site.host.snapshot()
    assert "sgis/migrations/0003_street.py" in site.host.run(CHECKOUT + "ls-files").stdout
    assert site.host.ask("/api/sgis/")[0] == 200
    _code, incident, output = site.play("recover", rescue502_level="full")
    assert (incident["outcome"], named(incident), incident["actions"]) == ("degraded", [SAFE], []), output
    assert [item["approve_with"] for item in incident["awaiting"]] == [f"rescue502_approve=[{SAFE}]"]
    assert (invocation(site), differences(broken, site.host.snapshot())) == (before, set())
    code, incident, output = site.play("recover", rescue502_level="full", rescue502_approve=[SAFE])
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert [action["remedy"] for action in incident["actions"]] == ["migrate", "restart"]
    assert applied(site) == f"{had}sgis|0003_street\n"
    assert invocation(site) != before, "the new code was started"
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_a_recovery_does_not_restart_into_a_failed_migration(site: Site) -> None:
    """New code on disk whose migration fails, and a package gone, which asks for a restart: the old keeps serving."""
    before = invocation(site)
    publish(site, f"{migration('0003_one_each', '0002_sgi_city', ONE_EACH)}")
    site.host.run(CHECKOUT + "pull -q")
    site.host.break_with("", "uninstall python-slugify slugify")
    asked = [SAFE, "dependencies/missing"]
    _code, incident, output = site.play("recover", rescue502_level="full", rescue502_approve=asked)
    assert incident["outcome"] == "degraded", output
    done = [(action["remedy"], action["ok"]) for action in incident["actions"]]
    assert done == [("pip_install", True), ("migrate", False)], output
    assert "The database is as it was" in incident["actions"][1]["message"]
    assert invocation(site) == before
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_what_is_down_for_another_reason_comes_back_without_its_migrations(site: Site) -> None:
    """An index is held back for the night, and a package is gone: that is installed, and the app needs no index."""
    had = applied(site)
    publish(site, migration("0003_by_name", "0002_sgi_city", INDEX))
    site.host.run(CHECKOUT + "pull -q")
    site.host.break_with("dependencies/missing")
    assert site.host.ask("/api/sgis/")[0] == 502
    _code, incident, output = site.play("recover")
    assert [action["remedy"] for action in incident["actions"]] == ["pip_install", "restart"], output
    assert (incident["outcome"], [item["id"] for item in incident["awaiting"]]) == ("degraded", [SAFE]), output
    assert applied(site) == had
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_a_sqlite_file_is_copied_before(site: Site) -> None:
    """Asked for, every migration is preceded by a dump: the database's file as of that moment."""
    site.host.break_with("schema/unapplied-migrations")
    tables = site.host.snapshot()["tables"]
    code, incident, output = site.play("recover", rescue502_backup_before_migrate=True)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    (note,) = notes(site)
    copy = site.folder / "copy.sqlite3"
    podman("cp", f"{site.host.container}:{note['path']}", str(copy))
    assert counted(copy) == {"pages_page": 5, "notifications_notification": 7}
    assert site.host.run("ls /var/tmp").stdout.count("rescue502") == 0
    site.host.run(note["restore"])
    assert site.host.snapshot()["tables"] == tables


def counted(path: Path) -> dict[str, int]:
    """Rows of the app's own tables in a SQLite file."""
    with sqlite3.connect(path) as connection:
        names = ("pages_page", "notifications_notification")
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


@pytest.mark.nightly
@pytest.mark.parametrize("site", ["remote"], indirect=True)
def test_a_host_without_pg_dump_is_reported(site: Site) -> None:
    """The database is elsewhere, and so are its programs: no dump, so no migration; unless none is asked for."""
    site.host.break_with("schema/unapplied-migrations")
    broken = site.host.snapshot()
    _code, incident, output = site.play("recover", rescue502_backup_before_migrate=True)
    assert incident["outcome"] == "failed", output
    assert "there is no pg_dump on this host" in incident["actions"][0]["message"]
    assert differences(broken, site.host.snapshot()) == set()
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
