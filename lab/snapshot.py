"""Runs inside a lab host: print, as JSON, what must not change unless a remedy means to change it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile

TREES = ("/var/www", "/etc", "/srv", "/home", "/root", "/opt", os.environ["LOG_DIR"])
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
ENABLING = ("/etc/systemd/system", "/run/systemd/system")
LOGS = "/var/log/"
ACL = "system.posix_acl_access"
# Changed by the system itself while it runs, or by logging in.
LEFT_OUT = (
    "/home/admin/.sudo_as_admin_successful",
    "/etc/mtab",
    "/etc/.updated",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/hostname",
)
# Seven thousand files: a file that was written has another time.
VENV = (os.environ["VENV"] + "/", os.environ["VENV"] + ".rescue502-")
DATABASE = os.environ["DATABASE_NAME"]
MARK = "=== table "
# The tables that cannot be read now; then psql runs what the query makes: for each table its name, and its rows.
ROWS = f"""
SELECT relation::regclass FROM pg_locks
WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
SELECT format('SELECT %L', '{MARK}' || tablename), format('SELECT * FROM %I ORDER BY 1', tablename)
FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename \\gexec
"""
SQLITE = os.environ["ROOT"] + "/db/site.sqlite3"


def describe(path: str, status: os.stat_result) -> list[object]:
    """[type, owner, group, mode with access control list, content] of one file; of logs only who may use them."""
    mode = oct(stat.S_IMODE(status.st_mode))
    if stat.S_ISLNK(status.st_mode):
        return ["link", status.st_uid, status.st_gid, "", os.readlink(path)]
    if ACL in os.listxattr(path):
        mode += " " + os.getxattr(path, ACL).hex()
    if stat.S_ISDIR(status.st_mode):
        return ["folder", status.st_uid, status.st_gid, mode, ""]
    content = ""
    if stat.S_ISREG(status.st_mode) and not path.startswith((LOGS, SQLITE)):
        content = f"{status.st_size} {status.st_mtime_ns}" if path.startswith(VENV) else digest(path)
    return ["file", status.st_uid, status.st_gid, mode, content]


def digest(path: str) -> str:
    """The digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def files() -> dict[str, list[object]]:
    """All files of the trees, by path."""
    found: dict[str, list[object]] = {}
    folders = [tree for tree in TREES if os.path.isdir(tree)]
    # Of the folders for temporary files their own mode alone.
    there = [path for path in TEMPORARY if os.path.isdir(path)]
    found.update((tree, describe(tree, os.lstat(tree))) for tree in (*folders, *there))
    while folders:
        # One look at each entry: four times in each of a hundred tests, eight thousand files.
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                # A running app writes bytecode whenever it first imports a module.
                if entry.name == "__pycache__":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                if entry.path not in LEFT_OUT and not entry.path.endswith("/.git/ORIG_HEAD"):
                    seen = describe(entry.path, entry.stat(follow_symlinks=False))
                    # git's index holds times of its own.
                    found[entry.path] = seen[:4] if entry.path.endswith("/.git/index") else seen
    return found


def tables() -> dict[str, str | None] | None:
    """A digest of each table's rows, None of one that somebody has locked; None where the database is down."""
    if os.environ["DATABASE"] == "sqlite":
        return sqlite_tables()
    done = subprocess.run(
        ["runuser", "-u", "postgres", "--", "psql", "-AtqXd", DATABASE],
        input=ROWS, capture_output=True, text=True, cwd="/",
        env={**os.environ, "PGOPTIONS": "-c lock_timeout=1000"},
    )  # fmt: skip
    if done.returncode:
        return None
    first, *parts = done.stdout.split(MARK)
    locked = first.split()
    split = (part.partition("\n") for part in parts)
    return {name: None if name in locked else hashlib.sha256(rows.encode()).hexdigest() for name, _line, rows in split}


def sqlite_tables() -> dict[str, str | None] | None:
    """A digest of each table's rows in a SQLite file; None where it is out of reach, or damaged.

    Of a copy: SQLite that root runs gives the files next to the database to its owner, and so repairs what was broken.
    """
    if not os.path.exists(SQLITE):
        return None
    with tempfile.TemporaryDirectory() as folder, sqlite3.connect(os.path.join(folder, "copy")) as connection:
        for end in ("", "-wal", "-journal"):
            if os.path.exists(SQLITE + end):
                shutil.copyfile(SQLITE + end, os.path.join(folder, "copy" + end))
        # Its own, such as the last number that it gave, change with every row that comes.
        ours = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        try:
            names = [row[0] for row in connection.execute(ours)]
            rows = {name: repr(connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall()) for name in names}
        except sqlite3.DatabaseError:
            return None
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in rows.items()}


def enabled() -> dict[str, str]:
    """The links that make units enabled or masked, with their targets.

    They are what systemctl goes by; asked for all units, it takes a second of a lab host's time.
    """
    links = (
        os.path.join(folder, name)
        for tree in ENABLING
        for folder, folders, names in os.walk(tree)
        for name in [*folders, *names]
    )
    return {path: os.readlink(path) for path in links if os.path.islink(path)}


print(json.dumps({"files": files(), "tables": tables(), "enabled": enabled()}))
