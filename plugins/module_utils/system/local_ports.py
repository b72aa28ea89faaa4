# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ports that the kernel gives to connections which go out, and whether any is left (ip(7), ip_local_port_range).

A connection needs a port that no other one to the same destination has, and that nobody listens on. Where none is left,
connect() fails with EADDRNOTAVAIL: "Cannot assign requested address".
"""

from __future__ import annotations

import socket
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import processes, sockets

RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
RESERVED = "/proc/sys/net/ipv4/ip_local_reserved_ports"
# Some are freed and taken again while they are counted.
FULL = 0.95
MOST = 3
_LISTEN, _TIME_WAIT, _ESTABLISHED, _CONNECTING = "0A", "06", "01", "02"
# (host, port) of the other side; local port; the state as /proc has it; the socket's inode.
Row = tuple[tuple[str, int], int, str, str]


def exhausted() -> dict[str, Any] | None:
    """Where all but no port is left towards one destination; None where there is room, or it cannot be seen.

    {first, last, reserved, used, destination, waiting, listening, holders}: waiting is how many are of connections that
    have ended (TIME_WAIT), listening how many somebody listens on. holders: {pid, command, unit, count} of the
    processes that hold the most.
    """
    try:
        with open(RANGE, encoding="utf-8") as file:
            first, last = (int(word) for word in file.read().split())
        with open(RESERVED, encoding="utf-8") as file:
            reserved = _numbers(file.read())
    except (OSError, ValueError):
        return None
    rows = _rows("/proc/net/tcp", socket.AF_INET) + _rows("/proc/net/tcp6", socket.AF_INET6)
    found = judged(rows, first, last, reserved)
    if found:
        found["holders"] = _holders(found.pop("inodes"))
    return found


def judged(rows: Iterable[Row], first: int, last: int, reserved: set[int]) -> dict[str, Any] | None:
    """exhausted() of these sockets, with the inodes of those that hold a port in the place of `holders`."""
    given = {port for port in range(first, last + 1) if port not in reserved}
    listening: dict[int, str] = {}
    towards: dict[tuple[str, int], dict[int, tuple[str, str]]] = defaultdict(dict)
    for other, port, state, inode in rows:
        if port in given and state == _LISTEN:
            listening[port] = inode
        elif port in given:
            towards[other][port] = (state, inode)
    other, taken = max(towards.items(), key=lambda item: len(item[1].keys() | listening), default=(("", 0), {}))
    used = taken.keys() | listening.keys()
    if not given or len(used) < FULL * len(given):
        return None
    return {
        "first": first,
        "last": last,
        "reserved": last - first + 1 - len(given),
        "used": len(used),
        "destination": f"{other[0]}:{other[1]}" if taken else "",
        "waiting": sum(state == _TIME_WAIT for state, _inode in taken.values()),
        "listening": len(listening),
        "inodes": [*listening.values(), *(inode for _state, inode in taken.values())],
    }


def connection_from(bind: dict[str, Any]) -> dict[str, Any] | None:
    """The connection of somebody's that goes out from the port at which nobody listens; None where there is none.

    {pid, command, unit, other}. bind: {host, port}. A port of RANGE is given to any connection, and as long as it lasts
    nobody can listen there.
    """
    tables = (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6))
    known = [(fields, family) for path, family in tables for fields in sockets.rows(path) if len(fields) > 9]
    for fields, family in known:
        other, port, state, inode = parsed(fields, family)
        here = sockets.address(fields[1].partition(":")[0], family)
        if port != bind["port"] or state not in (_ESTABLISHED, _CONNECTING):
            continue
        if bind["host"] in (here, "", "0.0.0.0", "::", "localhost") and (pid := sockets.owners({inode}).get(inode)):
            about = {"pid": pid, "command": processes.command_line(pid)[:200], "unit": processes.unit_of(pid)}
            return {**about, "other": f"{other[0]}:{other[1]}"}
    return None


def _rows(path: str, family: int) -> list[Row]:
    return [parsed(fields, family) for fields in sockets.rows(path) if len(fields) > 9]


def parsed(fields: list[str], family: int) -> Row:
    """A line of /proc/net/tcp (proc(5))."""
    host, _colon, port = fields[2].partition(":")
    return (sockets.address(host, family), int(port, 16)), int(fields[1].rpartition(":")[2], 16), fields[3], fields[9]


def _numbers(text: str) -> set[int]:
    """Ports as the kernel lists them: `8080,9148` and `32000-32100`."""
    ranges = [part.partition("-") for part in text.strip().split(",") if part]
    return {port for low, _dash, high in ranges for port in range(int(low), int(high or low) + 1)}


def _holders(inodes: list[str]) -> list[dict[str, Any]]:
    owners = sockets.owners(set(inodes) - {"0"})
    counted = Counter(pid for inode in inodes if (pid := owners.get(inode)))
    return [
        {"pid": pid, "command": processes.command_line(pid)[:200], "unit": processes.unit_of(pid), "count": count}
        for pid, count in counted.most_common(MOST)
    ]
