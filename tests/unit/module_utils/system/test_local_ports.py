"""Whether a port is left for a connection that goes out, on lines as /proc/net/tcp has them."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import local_ports

ESTABLISHED, LISTEN, TIME_WAIT = "01", "0A", "06"
APP = "0100007F:1F40"


def row(port: int, state: str = ESTABLISHED, other: str = APP, inode: str = "7") -> local_ports.Row:
    """A socket of 127.0.0.1 and this port."""
    text = (
        f"0: 0100007F:{port:04X} {other} {state} 00000000:00000000 00:00000000 00000000 33 0 {inode} 1 0 20 4 0 10 -1"
    )
    return local_ports.parsed(text.split(), socket.AF_INET)


def judged(rows: list[local_ports.Row], reserved: set[int] | None = None) -> dict[str, Any]:
    """What is said of these, with a hundred ports to give."""
    return local_ports.judged(rows, 40000, 40099, reserved or set()) or {}


def test_a_line_of_the_kernels() -> None:
    """The destination's address and port, the local port, the state."""
    assert row(40001, TIME_WAIT) == (("127.0.0.1", 8000), 40001, TIME_WAIT, "7")


@pytest.mark.parametrize(
    ("rows", "waiting", "listening", "destination"),
    [
        ([row(port) for port in range(40000, 40100)], 0, 0, "127.0.0.1:8000"),
        ([row(port, TIME_WAIT, inode="0") for port in range(40000, 40100)], 100, 0, "127.0.0.1:8000"),
        ([row(port, LISTEN, "00000000:0000") for port in range(40000, 40100)], 0, 100, ""),
        (
            [*(row(port) for port in range(40000, 40060)), *(row(port, LISTEN) for port in range(40060, 40100))],
            0, 40, "127.0.0.1:8000",
        ),
    ],
)  # fmt: skip
def test_none_is_left(rows: list[local_ports.Row], waiting: int, listening: int, destination: str) -> None:
    """By connections, by those that have ended, by listeners, and by both."""
    found = judged(rows)
    assert (found["used"], found["waiting"], found["listening"]) == (100, waiting, listening)
    assert found["destination"] == destination


@pytest.mark.parametrize(
    "rows",
    [
        [],
        # Towards two destinations each port can be used twice.
        [row(port, other=other) for other in (APP, "0100007F:1538") for port in range(40000, 40060)],
        # What the app answers from is its own port, and others' are not of the range.
        [row(8000, TIME_WAIT, f"0100007F:{port:04X}") for port in range(40000, 40100)],
        [row(port) for port in range(30000, 30100)],
    ],
)  # fmt: skip
def test_there_is_room(rows: list[local_ports.Row]) -> None:
    """Nothing is said."""
    assert judged(rows) == {}


def test_reserved_ports_are_not_given() -> None:
    """Ninety reserved ones leave ten, and with these taken none is left."""
    reserved = local_ports._numbers("40000-40088,40089\n")
    assert len(reserved) == 90
    found = judged([row(port) for port in range(40090, 40100)], reserved)
    assert (found["used"], found["reserved"]) == (10, 90)
    assert local_ports._numbers("\n") == set()


def test_a_connection_that_goes_out_from_a_port() -> None:
    """As long as it lasts, nobody can listen there; of a listener, or another port, it is none."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        port = client.getsockname()[1]
        found = local_ports.connection_from({"host": "127.0.0.1", "port": port})
        assert found is not None
        assert (found["pid"], found["other"]) == (os.getpid(), f"127.0.0.1:{server.getsockname()[1]}")
        assert local_ports.connection_from({"host": "192.0.2.1", "port": port}) is None
    assert local_ports.connection_from({"host": "0.0.0.0", "port": server_port()}) is None


def server_port() -> int:
    """A port at which somebody has listened, and no connection goes out from."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
