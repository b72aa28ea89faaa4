# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The containers of this host, as Docker and podman themselves describe them; nothing is started to ask.

Both give the same document for a container (`docker container inspect`, docs.docker.com/reference/api/engine).
"""

from __future__ import annotations

import calendar
import glob
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.system import processes

DOCKER_SOCKET = "/run/docker.sock"
DOCKER_RECORDS = "/var/lib/docker/containers/*/config.v2.json"
PODMAN_RECORDS = "/var/lib/containers/storage/*-containers/containers.json"
SECONDS = 4.0
MOST = 50
BODY_LIMIT = 4 * 2**20
Container = dict[str, Any]


class _Local(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self.path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self.path)


def find() -> list[Container]:
    """The containers of root's Docker and podman, at most MOST of each; none where this account may not ask."""
    return [*_of_docker(), *_of_podman()]


def log(container: Container) -> str:
    """The end of what a container has written since it was last started; empty where that could not be asked."""
    since = str(container["since"])
    if container["engine"] == "podman":
        return _podman("logs", "--tail", "80", *([f"--since={since}"] if since else []), container["id"])
    answer = _asked(f"/containers/{container['id']}/logs?stdout=1&stderr=1&tail=80&since={_seconds(since)}", raw=True)
    return _plain(answer or b"")


def described(record: dict[str, Any], engine: str, engine_runs: bool = True) -> Container:
    """What counts of a container's document.

    {engine, engine_runs, id, name, since, state, command, folder, unit, publishes, addresses}: `publishes` has an
    address of the host and the port inside that it leads to, `addresses` those that it has in its own networks, `unit`
    the one of systemd's that made it.
    """
    state, config = record.get("State") or {}, record.get("Config") or {}
    network = record.get("NetworkSettings") or {}
    wanted = (record.get("HostConfig") or {}).get("PortBindings") or network.get("Ports") or {}
    publishes = [
        {"address": f"{bound.get('HostIp') or '0.0.0.0'}:{bound['HostPort']}", "inside": int(inner.partition("/")[0])}
        for inner, places in sorted(wanted.items())
        for bound in places or []
        if bound.get("HostPort") and inner.endswith("/tcp")
    ]
    named = (item.get("IPAddress", "") for item in (network.get("Networks") or {}).values())
    return {
        "engine": engine,
        "engine_runs": engine_runs,
        "id": str(record.get("Id") or record.get("ID") or ""),
        "name": str(record.get("Name", "")).lstrip("/"),
        "since": str(state.get("StartedAt") or ""),
        "state": _state(state, int(record.get("RestartCount") or 0)) if engine_runs else f"{engine} does not run",
        "command": [str(word) for word in [record.get("Path", ""), *(record.get("Args") or [])] if word],
        "folder": str(config.get("WorkingDir") or ""),
        "unit": str((config.get("Labels") or {}).get("PODMAN_SYSTEMD_UNIT", "")),
        "publishes": publishes,
        "addresses": sorted({address for address in (network.get("IPAddress", ""), *named) if address}),
    }


def _state(state: dict[str, Any], restarts: int) -> str:
    """A container's state in words, such as `restarting, ended with status 3, restarted 4 times`."""
    parts = [str(state.get("Status") or ("running" if state.get("Running") else "exited"))]
    if health := (state.get("Health") or {}).get("Status", ""):
        parts += [health] if health == "unhealthy" else []
    if parts[0] not in ("running", "created", "paused") and state.get("ExitCode") is not None:
        parts.append(f"ended with status {state['ExitCode']}")
    parts += ["out of memory"] if state.get("OOMKilled") else []
    parts += [re.sub(r"\s+", " ", str(state["Error"]))[:200]] if state.get("Error") else []
    parts += [f"restarted {restarts} times"] if restarts else []
    return ", ".join(parts)


def _of_docker() -> list[Container]:
    # A connection to its socket would start a Docker that somebody has stopped (docker.socket).
    if not any(processes.program(pid) == "dockerd" for pid in processes.pids()):
        return [described(record, "docker", engine_runs=False) for record in _docker_records()]
    found = [_asked(f"/containers/{item['Id']}/json") for item in (_asked("/containers/json?all=1") or [])[:MOST]]
    return [described(record, "docker") for record in found if record]


def _docker_records() -> list[dict[str, Any]]:
    """What a Docker that does not run has written down of its containers."""
    found = []
    for path in sorted(glob.glob(DOCKER_RECORDS))[:MOST]:
        try:
            record = json.loads(safe_files.text(path))
            host = json.loads(safe_files.text(os.path.join(os.path.dirname(path), "hostconfig.json")))
        except (OSError, ValueError):
            continue
        found.append({**record, "HostConfig": host})
    return found


def _asked(path: str, raw: bool = False) -> Any:
    """Docker's answer to a question, as it came where `raw`; None where it gives none."""
    connection = _Local(DOCKER_SOCKET)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(BODY_LIMIT)
        return None if answer.status != 200 else body if raw else json.loads(body)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _seconds(moment: str) -> int:
    """Seconds since the epoch of a moment as Docker writes it, to the second and in UTC; 0 where there is none."""
    try:
        return calendar.timegm(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0


def _plain(stream: bytes) -> str:
    """A log's text. Docker puts eight bytes before each piece, the last four its length, unless it has a terminal."""
    parts, rest = [], stream
    while len(rest) >= 8 and rest[0] in (0, 1, 2) and rest[1:4] == bytes(3):
        size = int.from_bytes(rest[4:8], "big")
        parts.append(rest[8 : 8 + size])
        rest = rest[8 + size :]
    return (b"".join(parts) or rest).decode("utf-8", "replace")


def _of_podman() -> list[Container]:
    """podman has no server to ask; its command is run as root only where it, and what it obeys, are root's."""
    program = shutil.which("podman") or ""
    known = any(len(_text(path)) > 2 for path in glob.glob(PODMAN_RECORDS))
    if not program or not known or os.geteuid() != 0 or write_access.first_open([program, *_podman_obeys()], 0):
        return []
    ids = _podman("ps", "--all", "--quiet", "--no-trunc").split()[:MOST]
    try:
        records = json.loads(_podman("container", "inspect", *ids) or "[]") if ids else []
    except ValueError:
        return []
    return [described(record, "podman") for record in records]


def _podman_obeys() -> list[str]:
    found = [*glob.glob("/etc/containers/*.conf"), *glob.glob("/etc/containers/*.conf.d/*.conf")]
    return [*found, *[path for path in ("/root/.config/containers",) if os.path.exists(path)]]


def _podman(*words: str) -> str:
    try:
        done = subprocess.run(
            ["podman", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # Of a log, what a container wrote to its standard error comes on ours.
            stderr=subprocess.STDOUT if words[0] == "logs" else subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _text(path: str) -> str:
    try:
        return safe_files.text(path)
    except OSError:
        return ""
