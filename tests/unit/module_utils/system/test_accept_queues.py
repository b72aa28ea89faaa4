"""The kernel's own word on queues of connections, of sockets that are made here."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from ansible_collections.rescue502.django.plugins.module_utils.system import accept_queues


def test_the_kernel_says_who_waits(tmp_path: Path) -> None:
    """Two connections that nobody accepts, at a socket that takes three; a socket that does not listen is not there."""
    path, other = str(tmp_path / "app.sock"), str(tmp_path / "other.sock")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as bound:
        server.bind(path)
        bound.bind(other)
        server.listen(3)
        clients = [socket.socket(socket.AF_UNIX) for _number in range(2)]
        for client in clients:
            client.connect(path)
        found = accept_queues.unix()
        for client in clients:
            client.close()
    assert found[path] == (2, 3)
    assert other not in found


def test_what_is_cut_short_ends() -> None:
    """A length that cannot be ends the reading."""
    assert list(accept_queues.messages(struct.pack("=IHHII", 0, 20, 0, 1, 0) * 2)) == []
    assert list(accept_queues.attributes(struct.pack("=HH", 1, 4) * 2)) == []
    assert list(accept_queues.attributes(struct.pack("=HHI", 8, 4, 7))) == [(4, struct.pack("=I", 7))]
