"""SQLite's files that the app may not use: given back where they are the app's own, else named and left alone."""

from __future__ import annotations

from typing import Any

import pytest
from undoing import reported

from lab.site import Site, named

pytestmark = pytest.mark.nightly

DENIED = "database/file-denied"
FILE = 'file="$ROOT/db/site.sqlite3"\n'
IMPORTER = f"""{FILE}
id importer 2> /dev/null || useradd --no-create-home --groups "$APP_GROUP" importer
chmod g+rwx "$(dirname "$file")"
chmod 660 "$file"
until_true "runuser -u importer -- test -w $file"
stop_app
"""
# Statements that reach the disk; unless they are committed, the next who opens the database takes them back.
KILLED = """
runuser -u {user} -- python3 - "$file" <<'END' || true
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode={mode}")
database.execute("PRAGMA cache_size=1")
database.execute("BEGIN IMMEDIATE")
for number in range(2000):
    place = ("{city}", f"{city}-{{number}}", "x" * 900)
    database.execute("INSERT INTO pages_page (name, slug, city) VALUES (?, ?, ?)", place)
{end}
os.kill(os.getpid(), signal.SIGKILL)
END
test -s "$file-{left}"
"""
COMMITTED = {"mode": "WAL", "left": "wal", "end": "database.execute('COMMIT')"}
HOT = {"mode": "DELETE", "left": "journal", "end": ""}
# As cp and tar leave it that root has run with a umask of 077; the database alone was given back.
RESTORED = """
mkdir -m 700 /srv/restored
cp -p "$file"* /srv/restored
rm "$file"*
(umask 077; cp /srv/restored/* "$(dirname "$file")")
rm -r /srv/restored
chown "$APP_USER:$APP_GROUP" "$file"
chmod 644 "$file"
[ "$(stat -c '%U %a' "$file-{left}")" = 'root 600' ]
"""
START = "\nrestart_app\n"
# Bash that breaks a site; what its sentence must hold; and how many rows of that city are there afterwards.
GIVEN_BACK = {
    "a log that root restored": (
        FILE + "stop_app" + KILLED.format(user="root", city="Lome", **COMMITTED) + RESTORED.format(left="wal") + START,
        "site.sqlite3-wal (write-ahead log)",
        ("Lome", 2000),
    ),
    "a hot journal that root restored": (
        FILE + "stop_app" + KILLED.format(user="root", city="Kpalime", **HOT) + RESTORED.format(left="journal") + START,
        "site.sqlite3-journal (rollback journal)",
        ("Kpalime", 0),
    ),
    "an importer's log": (
        IMPORTER + KILLED.format(user="importer", city="Sokode", **COMMITTED) + START,
        "site.sqlite3-wal (write-ahead log)",
        ("Sokode", 2000),
    ),
    "an importer's hot journal": (
        IMPORTER + KILLED.format(user="importer", city="Atakpame", **HOT) + START,
        "site.sqlite3-journal (rollback journal)",
        ("Atakpame", 0),
    ),
    "the folder": (
        f'{FILE}chown root:root "$ROOT/db"; chmod 700 "$ROOT/db"{START}',
        "/db (drwx------ root:root) refuses notes",
        ("Lome", 2000),
    ),
}
# An old backup in the database's place, next to the log of a writer of today: that would destroy the backup.
OLD_BACKUP = f"""{FILE}stop_app
cp -p "$file" /srv/backup
python3 -c '
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for number in range(3):
    database.execute("CREATE TABLE later_%d (name)" % number)' "$file"
{KILLED.format(user="root", city="Dapaong", **COMMITTED)}
cp /srv/backup "$file"
chown root:root "$file-wal" "$file-shm"
chmod 600 "$file-wal" "$file-shm"
{START}"""
BY_HAND = 'rm "$ROOT"/db/site.sqlite3-*; restart_app; until_true "curl -sf -o /dev/null http://127.0.0.1:8321$API_PATH"'
OF_ROOT = f'{FILE}chown root:root "$file"; chmod 600 "$file"{START}'
# The importer has committed, and waits for its next file with the database open.
AT_WORK = """
cat > /srv/import.py <<'END'
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("INSERT INTO pages_page (name, slug, city) VALUES ('Kara', 'kara', 'Kara')")
open("/tmp/imported", "w").close()
time.sleep(3600)
END
systemd-run --quiet --unit=nightly-import --uid=importer --property=UMask=0077 python3 /srv/import.py "$file"
until_true 'test -e /tmp/imported'
chmod 600 "$file-wal" "$file-shm"
"""
SUMS = 'cd "$ROOT/db" && stat -c "%n %U %G %a" . * && sha256sum *'
# As the app's user, as the app itself would open it.
ROWS = """
runuser -u "$APP_USER" -- python3 - "$ROOT/db/site.sqlite3" {city} <<'END'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
print(*database.execute("PRAGMA integrity_check").fetchone())
print(*database.execute("SELECT count(*) FROM pages_page WHERE name = ?", sys.argv[2:]).fetchone())
END
"""


def broken(site: Site, fault: str) -> str:
    """Break the site so; what the files are then.

    Not a snapshot of the host: that reads the tables, and SQLite's own reading changes what lies next to them.
    """
    site.host.break_with("", fault)
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    return str(site.host.run(SUMS).stdout)


def done(incident: Any) -> list[str]:
    """The remedies that were applied."""
    return [action["remedy"] for action in incident["actions"]]


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_what_is_the_apps_is_given_back(site: Site) -> None:
    """What was committed is served, what was not SQLite takes back; a check is true, a second run changes nothing."""
    for way, (fault, words, (city, rows)) in GIVEN_BACK.items():
        before = broken(site, fault)
        _code, incident, output = site.play("recover", "--check")
        assert (incident["outcome"], done(incident)) == ("planned", ["permissions", "restart"]), (way, output)
        assert site.host.run(SUMS).stdout == before, way
        code, incident, output = site.play("recover")
        assert (code, incident["outcome"], named(incident)) == (0, "recovered", [DENIED]), (way, output)
        assert words in incident["root_causes"][0]["because"], (way, output)
        assert done(incident) == ["permissions", "restart"], (way, output)
        assert site.host.ask(site.shape.api_path)[0] == 200, way
        assert site.host.run(ROWS.format(city=city)).stdout.split() == ["ok", str(rows)], way
        owners = site.host.run('stat -c "%U %a" "$ROOT/db/site.sqlite3" "$ROOT/db"').stdout.splitlines()
        assert owners[0] in ("notes 644", "notes 660"), (way, owners)
        after = site.host.run(SUMS).stdout
        code, second, output = site.play("recover")
        assert (code, second["outcome"], done(second)) == (0, "healthy", []), (way, output)
        assert site.host.run(SUMS).stdout == after, way
    code, _incident, output = site.play("undo", rescue502_undo=incident["incident"])
    assert (code, reported(output)) == (0, (1, 0, 0)), output
    assert site.host.run('stat -c "%U %a" "$ROOT/db"').stdout.split() == ["root", "700"]


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_what_is_not_certain_waits_for_a_person(site: Site) -> None:
    """A log of another time is never given. A database of root's is, where a person says so: the undo takes it back."""
    before = broken(site, OLD_BACKUP)
    code, incident, output = site.play("recover", rescue502_approve=[DENIED])
    assert (code, incident["outcome"], named(incident)) == (2, "needs-human", [DENIED]), output
    assert "was written for another state of the database" in incident["root_causes"][0]["because"], output
    assert site.host.run(SUMS).stdout == before
    site.host.break_with("", BY_HAND)
    before = broken(site, OF_ROOT)
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (2, "needs-approval", [DENIED]), output
    assert "may be somebody else's" in incident["root_causes"][0]["because"], output
    assert site.host.run(SUMS).stdout == before
    code, incident, output = site.play("recover", rescue502_approve=[DENIED])
    assert (code, incident["outcome"], done(incident)) == (0, "recovered", ["permissions", "restart"]), output
    assert site.host.run('stat -c "%U %G %a" "$ROOT/db/site.sqlite3"').stdout.split() == ["root", "notes", "660"]
    assert site.host.ask(site.shape.api_path)[0] == 200
    code, _incident, output = site.play("undo", rescue502_undo=incident["incident"])
    assert (code, reported(output)) == (0, (1, 0, 0)), output
    assert site.host.run(SUMS).stdout == before


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_what_an_importer_has_open_is_left_to_a_person(site: Site) -> None:
    """The process is named, and not a byte is another one; when it has ended, the files are given back."""
    before = broken(site, IMPORTER + AT_WORK + START)
    pid = site.host.run("systemctl show -P MainPID nightly-import").stdout.strip()
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (2, "needs-human", [DENIED]), output
    because = " ".join(incident["root_causes"][0]["because"].split())
    assert f"is open in process {pid} of importer (" in because, because
    assert "/srv/import.py" in because
    assert site.host.run(SUMS).stdout == before
    site.host.run(f"systemctl kill --signal=KILL nightly-import; until [ ! -e /proc/{pid} ]; do sleep 0.1; done")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], done(incident)) == (0, "recovered", ["permissions", "restart"]), output
    assert site.host.run(ROWS.format(city="Kara")).stdout.split() == ["ok", "1"]
