# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many connections wait at Unix sockets to be accepted, and how many may: asked of the kernel (sock_diag(7))."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
_REQUEST, _DUMP = 0x1, 0x300
_DONE, _ERROR = 3, 2
_LISTENING = 1 << 10
_SHOW_NAME, _SHOW_QUEUES = 0x1, 0x10
_NAME, _QUEUES = 0, 4
_HEADER = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBHIII8s")
_ATTRIBUTE = struct.Struct("=HH")
# What stands in a message before its attributes.
_SOCKET_BYTES = 16
_SECONDS = 1.0


def unix() -> dict[str, tuple[int, int]]:
    """(waiting, at most) of each Unix socket that listens, by its path; none where the kernel does not say."""
    asked = _ASKED.pack(socket.AF_UNIX, 0, 0, _LISTENING, 0, _SHOW_NAME | _SHOW_QUEUES, b"\xff" * 8)
    head = _HEADER.pack(_HEADER.size + len(asked), SOCK_DIAG_BY_FAMILY, _REQUEST | _DUMP, 1, 0)
    found: dict[str, tuple[int, int]] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as line:
            line.settimeout(_SECONDS)
            line.sendall(head + asked)
            while True:
                data = line.recv(1 << 18)
                for kind, body in messages(data):
                    if kind in (_DONE, _ERROR):
                        return found
                    found.update(_queue(body))
    except (OSError, struct.error):
        return found


def _queue(body: bytes) -> dict[str, tuple[int, int]]:
    held = dict(attributes(body[_SOCKET_BYTES:]))
    path, queues = held.get(_NAME, b"").rstrip(b"\0"), held.get(_QUEUES, b"")
    # Abstract names begin with a zero byte.
    if not path.startswith(b"/") or len(queues) != 8:
        return {}
    waiting, most = struct.unpack("=II", queues)
    return {os.fsdecode(path): (waiting, most)}


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, content) of each message of netlink's in what was received."""
    while len(data) >= _HEADER.size:
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            return
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each attribute of a message."""
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
