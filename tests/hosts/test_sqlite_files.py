"""SQLite's files that the app may not use: each is named, and all of them are as they were."""

from __future__ import annotations

import pytest

from lab.site import Site, named

pytestmark = pytest.mark.nightly

DENIED = "database/file-denied"
BEGIN = """
file="$ROOT/db/site.sqlite3"
useradd --no-create-home --groups "$APP_GROUP" importer
chmod g+rwx "$(dirname "$file")"
chmod 660 "$file"
stop_app
"""
# A statement that reaches the disk, and is neither committed nor rolled back.
KILLED = """
runuser -u importer -- python3 - "$file" <<'END' || true
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode={mode}")
database.execute("PRAGMA cache_size=1")
database.execute("BEGIN IMMEDIATE")
database.execute("CREATE TABLE imported (name)")
for number in range(2000):
    database.execute("INSERT INTO imported VALUES (?)", ("x" * 900,))
{end}
os.kill(os.getpid(), signal.SIGKILL)
END
[ "$(stat -c %U "$file-{left}")" = importer ]
restart_app
"""
# Bash that breaks a site, and what its sentence must hold.
WAYS = {
    "a write-ahead log": (
        BEGIN + KILLED.format(mode="WAL", left="wal", end="database.execute('COMMIT')"),
        "site.sqlite3-wal (write-ahead log)",
    ),
    "a journal that is still hot": (
        BEGIN + KILLED.format(mode="DELETE", left="journal", end=""),
        "site.sqlite3-journal (rollback journal)",
    ),
    "the database itself": (
        'chown root:root "$ROOT/db/site.sqlite3"; chmod 600 "$ROOT/db/site.sqlite3"; restart_app',
        "site.sqlite3 (database)",
    ),
    "a folder on the way": (
        'chown root:root "$ROOT/db"; chmod 700 "$ROOT/db"; restart_app',
        "/db (drwx------ root:root) refuses notes",
    ),
}


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
@pytest.mark.parametrize("way", WAYS)
def test_what_keeps_the_app_from_its_database(site: Site, way: str) -> None:
    """It is the one cause, a person decides, and not a byte of SQLite's is another one afterwards."""
    fault, words = WAYS[way]
    site.host.break_with("", fault)
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    # Not a snapshot of the host: that reads the tables, and SQLite's own reading changes what lies next to them.
    sums = 'cd "$ROOT/db" && stat -c "%n %U %G %a" . * && sha256sum *'
    before = site.host.run(sums).stdout
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (2, "needs-human", [DENIED]), output
    assert words in incident["root_causes"][0]["because"], output
    assert site.host.run(sums).stdout == before
