# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PostgreSQL on this host besides the server that is asked: any of them could be the one that holds the app's data.

A host may run several clusters, keep the data of an older version, or run a server in a container. What runs is asked
of the kernel; what does not run is known by its data folder.
"""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_files
from ansible_collections.rescue502.django.plugins.module_utils.services.postgresql import Server
from ansible_collections.rescue502.django.plugins.module_utils.system import processes, systemd, unread

MOST = 10
_PROGRAMS = ("postgres", "postmaster")
# Where distributions, by-hand installations and containers' volumes keep data; each has the file PG_VERSION.
FOLDERS = (
    "/var/lib/postgresql/*",
    "/var/lib/postgresql/*/*",
    "/var/lib/pgsql/*",
    "/var/lib/pgsql/*/*",
    "/usr/local/pgsql/data",
    "/opt/*/data",
    "/srv/postgresql*",
    "/srv/postgresql*/*",
    "/var/lib/docker/volumes/*/_data",
    "/var/lib/docker/volumes/*/_data/*",
    "/var/lib/containers/storage/volumes/*/_data",
    "/var/lib/containers/storage/volumes/*/_data/*",
    "/home/*/.local/share/containers/storage/volumes/*/_data",
)
_SOCKET = re.compile(r"/\.s\.PGSQL\.(\d+)$")


def others(server: Server, port: int, listeners: list[dict[str, Any]]) -> list[str] | unread.Unread:
    """The other servers and data folders of this host, in a few words each, at most MOST.

    server: the one that is asked. port: where the app looks for its database; who else answers there is another one.
    """
    why = next((bar for folder in ("/var/lib/postgresql", "/var/lib/pgsql") if (bar := unread.sealed(folder))), "")
    own = main_process(server, listeners)
    running = {pid: _folder(pid) for pid in _postmasters()}
    found = [_described(pid, folder, listeners) for pid, folder in running.items() if pid != own]
    known = {os.path.realpath(folder) for folder in running.values() if folder}
    found += [f"data in {folder}, of no server that runs" for folder in _data_folders() if folder not in known]
    found += [f"{item['command'].split(' ')[0]} on port {port}" for item in _in_front(port, own, running, listeners)]
    listed: list[str] | unread.Unread
    listed = unread.reported(list(dict.fromkeys(found))[:MOST], "PostgreSQL's other data on this host", why)
    return listed


def main_process(server: Server, listeners: list[dict[str, Any]]) -> int:
    """The main process of a server."""
    path = os.path.join(server.folder, f".s.PGSQL.{server.port}")
    return next((int(item["pid"]) for item in listeners if item["path"] == path), 0)


def _postmasters() -> list[int]:
    """The main process of each server that runs, in a container or not: its parent is no server."""
    found = {pid: processes.parent(pid) for pid in processes.pids() if processes.program(pid) in _PROGRAMS}
    return [pid for pid, parent in found.items() if parent not in found]


def _folder(pid: int) -> str:
    """A server's data folder, as it sees it: where it stands."""
    return processes.folder(pid)


def _described(pid: int, folder: str, listeners: list[dict[str, Any]]) -> str:
    own = [item for item in listeners if item["pid"] == pid]
    ports = {int(match.group(1)) for match in (_SOCKET.search(item["path"]) for item in own) if match}
    ports |= {item["port"] for item in own if item["kind"] == "tcp"}
    where = f" on port {', '.join(map(str, sorted(ports)))}" if ports else ", in a container or without a port here"
    return f"a server with {folder or 'its data'}{where}"


def _data_folders() -> list[str]:
    """The real paths of all data folders in the usual places, and where units and settings say."""
    paths = {path for pattern in FOLDERS for path in glob.glob(pattern)}
    paths.update(postgresql_files.configured())
    units = systemd.systemctl("list-unit-files", "--type=service", "--no-legend", "--plain", "*postgres*", "*pgsql*")
    names = [line.split()[0] for line in units.splitlines() if line.strip() and "@." not in line]
    paths.update(filter(None, (postgresql_files.of_unit(systemd.show(name)) for name in names)))
    return sorted({os.path.realpath(path) for path in paths if os.path.isfile(os.path.join(path, "PG_VERSION"))})


def _in_front(port: int, own: int, running: dict[int, str], listeners: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who else takes connections on the app's port, such as a pooler, a tunnel or a container's proxy."""
    on_port = [item for item in listeners if item["kind"] == "tcp" and item["port"] == port]
    return [item for item in on_port if item["pid"] and item["pid"] != own and item["pid"] not in running]
