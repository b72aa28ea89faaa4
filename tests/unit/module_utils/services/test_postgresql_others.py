"""Other servers and data of a host: each could be the one that holds the app's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_files, postgresql_others
from ansible_collections.rescue502.django.plugins.module_utils.services.postgresql import Server
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

SERVER = Server("/run/postgresql", 5432, "postgres", "/usr/bin/psql")


def socket(port: int, pid: int) -> dict[str, Any]:
    """A server's socket, as listeners() has it."""
    path = f"/run/postgresql/.s.PGSQL.{port}"
    return {"kind": "unix", "host": "", "port": 0, "path": path, "pid": pid, "command": "postgres"}


def tcp(port: int, pid: int, command: str = "postgres -D x") -> dict[str, Any]:
    """A TCP listener."""
    return {"kind": "tcp", "host": "127.0.0.1", "port": port, "path": "", "pid": pid, "command": command}


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[int, str]:
    """The data folders of the servers that run, by process; no folder of this machine's is looked at."""
    servers = {7: str(tmp_path / "15" / "main")}
    monkeypatch.setattr(postgresql_others, "_postmasters", lambda: list(servers))
    monkeypatch.setattr(postgresql_others, "_folder", servers.get)
    monkeypatch.setattr(postgresql_others, "FOLDERS", (str(tmp_path / "*" / "*"),))
    monkeypatch.setattr(postgresql_files, "configured", list)
    monkeypatch.setattr(systemd, "systemctl", lambda *_words: "")
    for name in ("15/main", "15/empty"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "15" / "main" / "PG_VERSION").touch()
    return servers


def test_a_host_with_one_cluster_has_no_other(running: dict[int, str]) -> None:
    """Its own data is not another's, and a folder without data is none."""
    assert list(postgresql_others.others(SERVER, 5432, [socket(5432, 7), tcp(5432, 7)])) == []


def test_each_other_one_is_named(running: dict[int, str], tmp_path: Path) -> None:
    """One that runs, data that no server has, one without a port here, and who else answers on the app's port."""
    running.update({8: "/data/shop", 9: "/var/lib/postgresql/data"})
    (tmp_path / "13" / "main").mkdir(parents=True)
    (tmp_path / "13" / "main" / "PG_VERSION").touch()
    found = [socket(5432, 7), socket(5433, 8), tcp(5433, 8), tcp(5432, 10, "/usr/bin/docker-proxy -proto tcp")]
    assert list(postgresql_others.others(SERVER, 5432, found)) == [
        "a server with /data/shop on port 5433",
        "a server with /var/lib/postgresql/data, in a container or without a port here",
        f"data in {tmp_path}/13/main, of no server that runs",
        "/usr/bin/docker-proxy on port 5432",
    ]
