"""What a start of PostgreSQL ended on: recorded from PostgreSQL 15 on Debian, and whether it is still so."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_refusals
from ansible_collections.rescue502.django.plugins.module_utils.system import missing_mounts

STAMP = "2026-01-31 12:00:00.123 UTC [42] "
NO_ROOM = (
    STAMP + 'FATAL:  could not resize shared memory segment "/PostgreSQL.28" to 26976 bytes: No space left on device'
)
END = [STAMP + "LOG:  database system is shut down", "pg_ctl: could not start server", "Examine the log output."]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("folder-mode", STAMP + 'FATAL:  data directory "/p/main" has invalid permissions'),
        ("folder-mode", STAMP + 'FATAL:  data directory "/p/main" has group or world access'),
        ("folder-owner", "Error: Data directory /var/lib/postgresql/15/main must not be owned by root"),
        ("folder-owner", STAMP + 'FATAL:  data directory "/p/main" has wrong ownership'),
        ("no-data", "Error: /var/lib/postgresql/15/main is not accessible or does not exist"),
        ("no-data", 'pg_ctl: directory "/var/lib/postgresql/15/main" is not a database cluster directory'),
        ("lock-held", STAMP + 'FATAL:  lock file "postmaster.pid" already exists'),
        (
            "lock-held",
            "Error: Port conflict: another instance is already running on /var/run/postgresql with port 5432",
        ),
        ("port-taken", STAMP + 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use'),
        ("memory", STAMP + "FATAL:  could not map anonymous shared memory: Cannot allocate memory"),
        (
            "shared-memory-full",
            STAMP
            + 'FATAL:  could not resize shared memory segment "/PostgreSQL.28" to 26976 bytes: No space left on device',
        ),
        ("version", STAMP + "FATAL:  database files are incompatible with server"),
        ("damaged", STAMP + "PANIC:  could not locate a valid checkpoint record"),
        ("damaged", STAMP + 'FATAL:  required WAL directory "pg_wal" does not exist'),
        ("key-file", STAMP + 'FATAL:  private key file "/etc/ssl/private/k.key" has group or world access'),
        ("library", STAMP + 'FATAL:  could not access file "pg_nope": No such file or directory'),
        ("denied", 'pg_ctl: could not access directory "/var/lib/postgresql/15/main": Permission denied'),
        ("denied", STAMP + 'FATAL:  could not open shared memory segment "/PostgreSQL.71": Permission denied'),
        ("denied", STAMP + 'FATAL:  could not open lock file "/run/postgresql/.s.PGSQL.5432.lock": Permission denied'),
        ("no-address", STAMP + 'LOG:  could not bind IPv4 address "10.0.0.5": Cannot assign requested address'),
        # What is not known is left to a start.
        ("", STAMP + "FATAL:  something that nobody here has met"),
    ],
)
def test_the_kind_is_read_of_the_servers_words(kind: str, line: str) -> None:
    """Also where more follows."""
    assert postgresql_refusals.kind_of([line, *END]) == ((kind, line) if kind else ("", ""))


def test_a_server_that_was_ready_did_not_end_at_its_start() -> None:
    """What sessions met later is no reason."""
    lines = [STAMP + "LOG:  database system is ready to accept connections", STAMP + "ERROR:  x: Permission denied"]
    assert postgresql_refusals.kind_of(lines) == ("", "")


def refusal(folder: Path, *lines: str, started: float = 0.0) -> dict[str, Any]:
    """The refusal that these lines make, of a server with its data there."""
    return postgresql_refusals.refusal(list(lines), str(folder), "root", 5432, started)


def test_the_reason_comes_with_its_detail(tmp_path: Path) -> None:
    """The versions stand in the detail alone."""
    found = refusal(
        tmp_path, STAMP + "FATAL:  database files are incompatible with server", STAMP + "DETAIL:  It is of 14.", *END
    )
    assert found["said"] == "database files are incompatible with server (It is of 14.)"


def test_a_mode_that_was_given_back_is_no_reason(tmp_path: Path) -> None:
    """The folder is asked, not the log."""
    line = STAMP + f'FATAL:  data directory "{tmp_path}" has invalid permissions'
    tmp_path.chmod(0o777)
    assert (refusal(tmp_path, line)["kind"], refusal(tmp_path, line)["mode"]) == ("folder-mode", "0777")
    tmp_path.chmod(0o750)
    assert refusal(tmp_path, line)["kind"] == ""
    older = STAMP + f'FATAL:  data directory "{tmp_path}" has group or world access'
    assert refusal(tmp_path, older)["kind"] == "folder-mode"


def test_data_that_is_back_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when its file system was mounted meanwhile."""
    monkeypatch.setattr(missing_mounts, "above", lambda _folder: "")
    line = f'pg_ctl: directory "{tmp_path}" is not a database cluster directory'
    assert refusal(tmp_path, line)["kind"] == "no-data"
    (tmp_path / "PG_VERSION").touch()
    assert refusal(tmp_path, line)["kind"] == ""


def test_a_file_that_was_changed_since_is_no_reason(tmp_path: Path) -> None:
    """Nobody knows whether the change was right: a start shows it."""
    key = tmp_path / "server.key"
    key.touch()
    line = STAMP + f'FATAL:  private key file "{key}" has group or world access'
    assert refusal(tmp_path, line, started=time.time() + 60)["paths"] == [str(key)]
    assert refusal(tmp_path, line, started=time.time() - 60)["kind"] == ""


def test_a_port_that_is_free_again_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds it is asked of the kernel, by the port that the server names."""
    holder = {"kind": "tcp", "host": "127.0.0.1", "port": 5499, "path": "", "pid": 1, "command": "x"}
    monkeypatch.setattr(postgresql_refusals.sockets, "listeners", lambda: [holder])
    line = STAMP + 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use'
    hint = STAMP + "HINT:  Is another postmaster already running on port 5499? If not, wait a few seconds and retry."
    assert refusal(tmp_path, line, hint)["holders"][0].startswith("pid 1, ")
    assert refusal(tmp_path, line)["kind"] == ""


def test_what_fstab_has_mounted_at_boot() -> None:
    """Not what is mounted on demand, swap, or a comment."""
    lines = (
        "# /dev/x /data ext4 defaults 0 2",
        "LABEL=a /srv/pg ext4 nofail 0 2",
        "UUID=b none swap sw 0 0",
        "/c /m vfat noauto 0 0",
    )
    assert missing_mounts.in_fstab("\n".join(lines)) == ["/srv/pg"]


def test_the_nearest_missing_mount_above_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one of another place."""
    monkeypatch.setattr(missing_mounts, "missing", lambda: {"/var", "/var/lib/postgresql", "/var/lib/post", "/"})
    assert missing_mounts.above("/var/lib/postgresql/15/main") == "/var/lib/postgresql"
    assert missing_mounts.above("/srv") == ""


def test_shared_memory_that_has_room_again_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What filled it has been removed: a start is the repair."""
    lines = [
        STAMP
        + 'FATAL:  could not resize shared memory segment "/PostgreSQL.28" to 26976 bytes: No space left on device'
    ]
    for free, kind in ((0, "shared-memory-full"), (2**26, "")):
        monkeypatch.setattr(postgresql_refusals, "_free", lambda _place, free=free: free)
        found = postgresql_refusals.refusal(lines, str(tmp_path), "postgres", 5432, time.time())
        assert found["kind"] == kind


@pytest.mark.parametrize(("address", "kind"), [("203.0.113.9", "no-address"), ("127.0.0.1", "")])
def test_an_address_that_the_host_has_got_meanwhile_is_left_to_a_start(tmp_path: Path, address: str, kind: str) -> None:
    """As after a network that was late at boot."""
    line = STAMP + f'LOG:  could not bind IPv4 address "{address}": Cannot assign requested address'
    assert postgresql_refusals.refusal([line, *END], str(tmp_path), "postgres", 5432, time.time())["kind"] == kind


def test_a_segment_of_shared_memory_is_a_file() -> None:
    """The server names it as shm_open(3) takes it; what bars the way to it is looked for where it is."""
    line = 'FATAL:  could not open shared memory segment "/PostgreSQL.2915541092": Permission denied'
    assert postgresql_refusals.paths(line) == ["/dev/shm/PostgreSQL.2915541092"]
    assert postgresql_refusals.paths('FATAL:  could not open file "/srv/data/base": x') == ["/srv/data/base"]
