"""An answer over HTTP: one that has begun is an answer, and nobody is waited for without an end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
TIMEOUT = 0.6


@pytest.fixture
def streaming(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that says something, and then one piece after the other."""
    begin, piece, pause = request.param
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(begin)
            for _ in range(200):
                time.sleep(pause)
                try:
                    connection.sendall(piece)
                except OSError:
                    return

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    server.close()


@pytest.mark.parametrize(
    ("streaming", "body"),
    [
        ((CHUNKED, b"5\r\ntick \r\n", 0.1), "tick"),
        ((LENGTH, b"x", 0.1), "x"),
        ((CHUNKED, b"", 9.0), ""),
        ((b"HTTP/1.0 200 OK\r\n\r\n", b"more", 0.05), "more"),
    ],
    indirect=["streaming"],
)
def test_a_stream_without_an_end_is_an_answer(streaming: str, body: str) -> None:
    """Its status counts, its body is what came in time, and it is not waited for any longer."""
    begun = time.monotonic()
    check = http_client.check({"url": streaming, "status": 200}, "", TIMEOUT)
    assert time.monotonic() - begun < 4 * TIMEOUT
    assert (check["status"], check["error"], check["well"]) == (200, "", True)
    assert check["excerpt"].startswith(body)
    assert not answers._is_silent(check)


@pytest.mark.parametrize("streaming", [(b"", b"", 9.0)], indirect=True)
def test_silence_is_none(streaming: str) -> None:
    """The connection is taken, and nothing is said."""
    check = http_client.check({"url": streaming, "status": 200}, "", TIMEOUT)
    assert (check["status"], check["error"], check["well"]) == (0, f"no answer within {TIMEOUT:g} s", False)
    assert answers._is_silent(check)
