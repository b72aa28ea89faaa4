# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who listens on which address: read from /proc, as the kernel shows it (proc(5), /proc/net/tcp and unix)."""

from __future__ import annotations

import os
import re
import socket
import struct
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import processes

_LISTEN = "0A"
_UNIX_ACCEPTING = 0x10000
# capabilities(7): without it root sees what others' processes hold open no better than anybody does (proc(5)).
_SYS_PTRACE = 1 << 19


def listeners() -> list[dict[str, Any]]:
    """Every listening TCP and unix socket: {kind, host, port, path, queued, pid, command, unit}; pid 0 where unknown.

    queued: connections of TCP that wait to be accepted.
    """
    found = _tcp("/proc/net/tcp", socket.AF_INET) + _tcp("/proc/net/tcp6", socket.AF_INET6) + _unix()
    held_by = owners({item["inode"] for item in found})
    for item in found:
        pid = held_by.get(item.pop("inode"), 0)
        item.update(pid=pid, command=processes.command_line(pid), unit=processes.unit_of(pid))
    return found


def inside(pid: int) -> list[dict[str, Any]]:
    """{host, port} of each listening TCP socket in a process's own network namespace (network_namespaces(7))."""
    found = _tcp(f"/proc/{pid}/net/tcp", socket.AF_INET) + _tcp(f"/proc/{pid}/net/tcp6", socket.AF_INET6)
    return [{"host": item["host"], "port": item["port"]} for item in found]


def shares_network(pid: int) -> bool:
    """Whether a process is in our own network namespace; True too where that cannot be seen."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net")
    except OSError:
        return True


def _tcp(path: str, family: int) -> list[dict[str, Any]]:
    found = []
    for fields in rows(path):
        if fields[3] == _LISTEN:
            local, _colon, port = fields[1].partition(":")
            host = address(local, family)
            # Of a listening socket rx_queue is the length of its accept queue (proc(5), sk_ack_backlog).
            waiting = {"queued": int(fields[4].partition(":")[2] or "0", 16), "inode": fields[9]}
            found.append({"kind": "tcp", "host": host, "port": int(port, 16), "path": "", **waiting})
    return found


def address(printed: str, family: int) -> str:
    """An address as /proc prints it: native-endian 32-bit words in hexadecimal."""
    words = [int(printed[i : i + 8], 16) for i in range(0, len(printed), 8)]
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))


def _unix() -> list[dict[str, Any]]:
    return [
        {"kind": "unix", "host": "", "port": 0, "path": fields[7], "queued": 0, "inode": fields[6]}
        for fields in rows("/proc/net/unix")
        if len(fields) > 7 and int(fields[3], 16) & _UNIX_ACCEPTING
    ]


def rows(path: str) -> list[list[str]]:
    """The lines of a table below /proc/net by their fields, without its head; none where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return [line.split() for line in file.readlines()[1:]]
    except OSError:
        return []


def owners(inodes: set[str]) -> dict[str, int]:
    """The lowest pid that holds each socket: with a prefork server that is the master."""
    found: dict[str, int] = {}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                match = re.match(r"socket:\[(\d+)\]", os.readlink(descriptor.path))
                if match and match.group(1) in inodes:
                    found.setdefault(match.group(1), pid)
        except OSError:
            continue
    return found


def client_units(port: int) -> dict[int, str]:
    """The unit of each process that has a connection of TCP to a port, by the local port of its end."""
    ends = {}
    for fields in rows("/proc/net/tcp") + rows("/proc/net/tcp6"):
        if int(fields[2].rpartition(":")[2], 16) == port and fields[9] != "0":
            ends[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    held_by = owners(set(ends))
    return {number: processes.unit_of(held_by[inode]) for inode, number in ends.items() if inode in held_by}


def unit_pids(properties: dict[str, str]) -> list[int]:
    """The processes of a unit's control group. properties: the unit's, as systemd shows them."""
    group = properties.get("ControlGroup", "")
    for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"):
        try:
            with open(f"{top}{group}/cgroup.procs", encoding="utf-8") as file:
                return [int(line) for line in file.read().split()] if group else []
        except OSError:
            continue
    return []


def matching(bind: dict[str, Any], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The listeners that hold the address `bind`; one on all addresses holds each of them."""
    if bind["kind"] == "unix":
        return [item for item in found if item["kind"] == "unix" and item["path"] == bind["path"]]
    wild = ("0.0.0.0", "::")
    host = {"localhost": "127.0.0.1", "": "0.0.0.0"}.get(bind["host"], bind["host"])
    return [
        item
        for item in found
        if item["kind"] == "tcp"
        and item["port"] == bind["port"]
        and (item["host"] == host or item["host"] in wild or host in wild)
    ]


def barred(found: list[dict[str, Any]]) -> str:
    """Why it is not known of each of these listeners which process it is; empty where it is, or where nobody knows."""
    if all(item["pid"] for item in found):
        return ""
    if os.geteuid() != 0:
        return "only root sees which process of another account holds a socket"
    return "this root has no CAP_SYS_PTRACE, to see which process holds a socket" if not _may_look_into_others() else ""


def _may_look_into_others() -> bool:
    """Whether root sees more of other accounts' processes than anybody does; True where that is not known."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            match = re.search(r"^CapEff:\s*([0-9a-f]+)", file.read(), re.MULTILINE)
    except OSError:
        return True
    return match is None or bool(int(match.group(1), 16) & _SYS_PTRACE)


def connects(bind: dict[str, Any], timeout: float = 1.0) -> str:
    """Connect and hang up. Returns an empty string where somebody accepts, else the reason. timeout: in seconds."""
    try:
        host = bind.get("host", "")
        connected({**bind, "host": "127.0.0.1" if host in ("0.0.0.0", "::", "") else host}, timeout).close()
    except socket.timeout:
        return "timed out"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def connected(bind: dict[str, Any], timeout: float) -> socket.socket:
    """A connection to {kind, path} of a Unix socket, or {kind, host, port}. timeout: in seconds. Raises OSError."""
    if bind["kind"] != "unix":
        return socket.create_connection((bind["host"], bind["port"]), timeout=timeout)
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    plain.settimeout(timeout)
    try:
        plain.connect(bind["path"])
    except OSError:
        plain.close()
        raise
    return plain
