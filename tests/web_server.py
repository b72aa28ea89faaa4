"""A web server on this machine that remembers what it was sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class WebServer(ThreadingHTTPServer):
    """Answers 200; below /status/N with N, below /slow after ten seconds, below /moved with a redirect."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        self.requests: list[Request] = []
        super().__init__((address, 0), _Handler)

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append(Request(self.command, self.path, dict(self.headers), body))
        if self.path.startswith("/slow"):
            time.sleep(10)
        status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
        self.send_response(302 if self.path.startswith("/moved") else status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_GET = _take  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(address: str = "127.0.0.1") -> Iterator[WebServer]:
    """A server that is up."""
    server = WebServer(address)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
