"""Ways in which a database, or the installed packages, refuse what the app asks of them: bash that plants each.

Each with the shape of host that it is planted in, the one cause, and what that one's sentence must hold.
"""

from __future__ import annotations

from typing import NamedTuple


class Way(NamedTuple):
    """A fault, the shape of host, the cause's id, and words of its sentence."""

    fault: str
    cause: str
    words: str
    shape: str = "tcp"


# The app's requests run this SQL too.
ASKS = r"""
write_with_each_request
sed -i "s/DELETE FROM .* WHERE id < 0/$SQL/" "$ROOT/$PACKAGE/visits.py"
app_git commit -qam 'Ask more of the database'
"""
# They use a second database too, whose settings differ in this from the first.
REPORTS = r"""
cd "$ROOT"
cat > "$PACKAGE/reports.py" <<'END'
from django.db import connections


class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        connections["reports"].cursor()
        return self.get_response(request)
END
printf '\nMIDDLEWARE = ["%s.reports.Middleware", *MIDDLEWARE]\n' "$PACKAGE" >> "$PACKAGE/settings.py"
printf '\nDATABASES["reports"] = {**DATABASES["default"], "NAME": "reports", %s}\n' "$DIFFERS" >> "$PACKAGE/settings.py"
app_git add .
app_git commit -qm 'Reports'
restart_app
"""

SCHEMA = {
    "a column was renamed by hand": Way(
        r"""
sql -d "$DATABASE_NAME" -c "ALTER TABLE $APP_TABLE RENAME COLUMN city TO town"
restart_app
""",
        "schema/tables-differ",
        "has no column city (sgis.0002_sgi_city makes it, and is recorded as applied)",
    ),
    "a migration was never made": Way(
        r"""
cd "$ROOT/$APP_LABEL"
sed -i 's/^    city = .*/&\n    country = models.CharField(max_length=9, default="")/' models.py
sed -i 's/"slug", /"slug", "country", /' urls.py
app_git commit -qam 'Countries'
restart_app
""",
        "schema/tables-differ",
        "no migration on this host makes it for sgis.Sgi",
    ),
    "recorded before what it depends on": Way(
        r"""
last="$(cd "$ROOT/$APP_LABEL/migrations"; ls [0-9]*.py | sort | tail -1)"
sql -d "$DATABASE_NAME" -c "DELETE FROM django_migrations WHERE app = '$APP_LABEL'" \
  -c "INSERT INTO django_migrations (app, name, applied) VALUES ('$APP_LABEL', '${last%.py}', now())" \
  -c "ALTER TABLE $APP_TABLE DROP COLUMN slug"
restart_app
""",
        "schema/history-inconsistent",
        "is applied before its dependency",
    ),
    "Django's record was not restored": Way(
        r"""
sql -d "$DATABASE_NAME" -c "TRUNCATE django_migrations" -c "ALTER TABLE $APP_TABLE DROP COLUMN city"
restart_app
""",
        "schema/partly-applied",
        "is not recorded as applied, and would make the table",
    ),
}

EXTENSION = r"""
cd "$ROOT/$APP_LABEL"
last="$(cd migrations && ls [0-9]*.py | sort | tail -1)"
cat > migrations/0098_search.py <<END
from django.contrib.postgres.operations import CreateExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("$APP_LABEL", "${last%.py}")]
    operations = [
        CreateExtension("$EXTENSION"),
        migrations.AddField("${APP_TABLE#*_}", "country", models.CharField(max_length=9, default="")),
    ]
END
sed -i 's/^    city = .*/&\n    country = models.CharField(max_length=9, default="")/' models.py
sed -i 's/"slug", /"slug", "country", /' urls.py
app_git add .
app_git commit -qm 'Countries'
restart_app
"""
POSTGRESQL = {
    "an extension that only a superuser makes": Way(
        "EXTENSION=adminpack\n" + EXTENSION,
        "database/permission-denied",
        "make the extension adminpack",
    ),
    "an extension that the server does not have": Way(
        "EXTENSION=postgis\n" + EXTENSION,
        "database/permission-denied",
        "make the extension, which the server does not have, postgis",
    ),
    "an identity column is behind": Way(
        r"""
SQL="INSERT INTO $APP_TABLE (name, slug, city) VALUES ('a', 'a', '')"
"""
        + ASKS
        + r"""
sql -d "$DATABASE_NAME" \
  -c "INSERT INTO $APP_TABLE (id, name, slug, city) SELECT n, 'b', 'b', '' FROM generate_series(500, 900) n" \
  -c "SELECT setval(pg_get_serial_sequence('$APP_TABLE', 'id'), 500, false)"
restart_app
""",
        "database/sequence-behind",
        "and the table has numbers up to 900",
    ),
    "a lock is not waited for": Way(
        r"""
SQL="SELECT pg_advisory_xact_lock(7)"
"""
        + ASKS
        + r"""
sql -c "ALTER DATABASE $DATABASE_NAME SET lock_timeout = '300ms'"
systemd-run --quiet --unit=left-open --uid=postgres bash -c \
  "(echo 'SELECT pg_advisory_lock(7);'; exec sleep 600) | psql -qXd '$DATABASE_NAME'"
until_true "runuser -u postgres -- psql -XAtqc 'SELECT locktype FROM pg_locks' | grep -q advisory"
restart_app
""",
        "database/time-limit",
        "lock_timeout of the app's session is 300ms (set by: database)",
    ),
    "the settings' own limit": Way(
        r"""
SQL="SELECT pg_sleep(2)"
"""
        + ASKS
        + r"""
printf '\nDATABASES["default"]["OPTIONS"] = {"options": "-c statement_timeout=700"}\n' >> "$ROOT/$PACKAGE/settings.py"
app_git commit -qam 'A limit'
restart_app
""",
        "database/time-limit",
        "statement_timeout of the app's session is 700ms (set by: client)",
    ),
    "a table's file is gone": Way(
        r"""
file="$(sql -d "$DATABASE_NAME" -Atc "SELECT pg_relation_filepath('$APP_TABLE')")"
data="$(sql -Atc 'SHOW data_directory')"
systemctl stop "$DATABASE_UNIT" "$DATABASE_UNIT@*"
rm "$data/$file"
systemctl start "$DATABASE_UNIT"
until_true "runuser -u postgres -- psql -qXc '' 2> /dev/null"
restart_app
""",
        "database/damaged",
        "could not open file",
    ),
    "an extension in another schema": Way(
        r"""
SQL="SELECT similarity('a', 'b')"
"""
        + ASKS
        + r"""
sql -d "$DATABASE_NAME" -c "CREATE SCHEMA extensions" -c "CREATE EXTENSION pg_trgm SCHEMA extensions"
restart_app
""",
        "database/extension-missing",
        "is in the schema extensions, of the extension pg_trgm",
    ),
    "an extension's library is gone": Way(
        r"""
SQL="SELECT similarity('a', 'b')"
"""
        + ASKS
        + r"""
sql -d "$DATABASE_NAME" -c "CREATE EXTENSION pg_trgm"
rm "$(find /usr/lib/postgresql -name pg_trgm.so)"
restart_app
""",
        "database/extension-missing",
        "could not access file",
    ),
    "a socket that lets accounts in": Way(
        r"""
sed -i '1i local all all peer' "$(sql -Atc 'SHOW hba_file')"
systemctl reload "$DATABASE_UNIT"
set_variable DB_HOST /var/run/postgresql
restart_app
""",
        "database/refused-by-hba",
        "and the app runs as www-data",
    ),
    "a pooler that takes no options": Way(
        r"""
put_pgbouncer_between
printf '\nDATABASES["default"]["OPTIONS"] = {"options": "-c search_path=public"}\n' >> "$ROOT/$PACKAGE/settings.py"
app_git commit -qam 'Search path'
restart_app
""",
        "database/pooler-refuses",
        "does not take the options that the app's settings give the connection",
    ),
    "an address that this host does not have": Way(
        r"""
sql -c "ALTER SYSTEM SET listen_addresses = '203.0.113.9'"
systemctl restart "$DATABASE_UNIT" || true
restart_app
""",
        "database/refuses-to-start",
        "203.0.113.9",
    ),
    "a second database is out of reach": Way(
        r"""
ip route add unreachable 203.0.113.0/24
DIFFERS='"HOST": "203.0.113.9"'
"""
        + REPORTS,
        "database/unreachable-remote",
        "203.0.113.9:5432",
    ),
    "a second database refuses its password": Way(
        r"""
sql -c "CREATE ROLE reporter LOGIN PASSWORD 'x'" -c 'CREATE DATABASE reports OWNER reporter'
DIFFERS='"USER": "reporter", "PASSWORD": "another-8"'
"""
        + REPORTS,
        "database/wrong-password",
        'user "reporter"',
    ),
}

OTHERS = {
    "a SQLite file was cut short": Way(
        r"""
file="$(find "$ROOT" -name '*.sqlite3' | head -1)"
stop_app
truncate -s $(($(stat -c %s "$file") / 8192 * 4096)) "$file"
rm -f "$file-wal" "$file-shm"
restart_app
""",
        "database/damaged",
        "malformed",
        "sqlite",
    ),
    "a write-ahead log's writer does not end": Way(
        r"""
write_with_each_request
file="$(find "$ROOT" -name '*.sqlite3' | head -1)"
systemd-run --quiet --unit=lunch --uid="$APP_USER" python3 -c "
import sqlite3, time
database = sqlite3.connect('$file', isolation_level=None)
database.execute('PRAGMA journal_mode=WAL')
database.execute('BEGIN IMMEDIATE')
open('/tmp/at-lunch', 'w').close()
time.sleep(3600)"
until_true 'test -e /tmp/at-lunch'
restart_app
""",
        "database/sqlite-locked",
        "of lunch.service), which has run for",
        "sqlite",
    ),
    "a relative name, and another working directory": Way(
        r"""
name='Path(__file__).resolve().parent.parent / "db" / "site.sqlite3"'
sed -i "s|$name|'db/site.sqlite3'|" "$ROOT/$PACKAGE/database.py"
mkdir -p /srv/work/db
chown "$APP_USER:" /srv/work /srv/work/db
sed -i "s|^WorkingDirectory=.*|WorkingDirectory=/srv/work|" "$UNIT_FILE"
unit_drop_in '[Service]' "Environment=PYTHONPATH=$ROOT"
restart_app
""",
        "database/never-migrated",
        "/srv/notes/db/site.sqlite3 has",
        "sqlite",
    ),
    "MariaDB refuses the password": Way(
        r"""
move_to_mariadb
mariadb -e "ALTER USER site@localhost IDENTIFIED BY 'another-8'"
restart_app
""",
        "database/no-connection",
        "mysql at 127.0.0.1:3306: OperationalError: (1045",
    ),
    "another copy of a package": Way(
        r"""
mkdir -p /opt/old/slugify
printf 'def slug(text): return text\n' > /opt/old/slugify/__init__.py
set_variable PYTHONPATH /opt/old
restart_app
""",
        "dependencies/do-not-fit",
        "another copy of it is loaded, /opt/old/slugify/__init__.py, for xamila.service sets PYTHONPATH",
    ),
    "machine code for another library": Way(
        r"""
site="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
python3 - "$site"/psycopg_binary/pq*.so "$site/slugify" <<'END'
import os, sys

source, package = sys.argv[1:]
with open(source, "rb") as file:
    code = file.read()
assert b"PQserverVersion\0" in code
ending = os.path.basename(source).partition(".")[2]
with open(os.path.join(package, "_fast." + ending), "wb") as file:
    file.write(code.replace(b"PQserverVersion\0", b"PQservexVersion\0"))
END
printf '\nfrom slugify import _fast  # noqa\n' >> "$site/slugify/__init__.py"
restart_app
""",
        "dependencies/do-not-fit",
        "the machine code of python-slugify",
    ),
    "the app asks for what a package no longer has": Way(
        r"""
# An old app, and nothing that says from when it is.
cd "$ROOT"
printf '\nfrom django.utils.translation import ugettext  # noqa\n' >> "$PACKAGE/urls.py"
app_git commit -qam 'Translate'
rm -rf .git
restart_app
""",
        "dependencies/do-not-fit",
        "for django.utils.translation.ugettext, which it does not have",
    ),
}
WAYS = {**SCHEMA, **POSTGRESQL, **OTHERS}
