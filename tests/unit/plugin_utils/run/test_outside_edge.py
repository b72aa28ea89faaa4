"""The edge asked from the controller: which checks mean the same there, and what they are answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.run import outside_edge

KNOWN = {"shop.example": "192.0.2.7", "localhost": "127.0.0.1", "here.example": "127.0.1.1"}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is looked up anywhere, and no proxy is set."""

    real = socket.getaddrinfo

    def resolve(host: str, port: int | None, *words: Any, **more: Any) -> Any:
        if port is not None:  # a connection is made
            return real(host, port, *words, **more)
        address = KNOWN.get(host, host)
        if not address[0].isdigit():
            raise socket.gaierror(-2, "Name or service not known")
        return [(2, 1, 6, "", (address, 0))]

    monkeypatch.setattr(outside_edge.socket, "getaddrinfo", resolve)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example/", ""),
        ("https://192.0.2.8:8443/x", ""),
        ("http://127.0.0.1/", "it is the host's own loopback address"),
        ("https://localhost/", "it is the host's own loopback address"),
        ("http://here.example/", "it is the host's own loopback address"),
        ("http://only.on.the.host/", "its name is not known here"),
        ("http://[::1/", "it is not a valid address"),
        ("http://shop.example:port/", "it is not a valid address"),
    ],
)
def test_what_is_asked_from_here(url: str, why: str) -> None:
    """An address that means another host here would prove nothing."""
    assert outside_edge.objection(url) == why


def test_a_controller_behind_a_proxy_does_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not get through, whatever the site does; but for what it reaches by itself."""
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert "proxy" in outside_edge.objection("http://shop.example/")
    monkeypatch.setenv("no_proxy", "shop.example")
    assert outside_edge.objection("http://shop.example/") == ""


class _Refuses(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """503, as a load balancer would say."""
        self.send_response(503)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that answers 503."""
    server = HTTPServer(("127.0.0.1", 0), _Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_each_check_is_asked_or_said_why_not(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """The answers are judged as those on the host are."""
    monkeypatch.setitem(KNOWN, "127.0.0.1", "192.0.2.9")
    checks = [{"url": f"http://127.0.0.1:{port}/health/"}, {"url": "http://localhost/"}]
    found = outside_edge.ask(checks, "")
    assert [(item["status"], item["well"], item["expected"]) for item in found["checks"]] == [(503, False, 200)]
    assert found["unasked"] == [{"url": "http://localhost/", "why": "it is the host's own loopback address"}]


@pytest.mark.parametrize("configured", [None, "text", [], ["text"], [{"host": "no.url"}], [{"url": 7}]])
def test_nothing_that_is_set_ends_it(configured: object) -> None:
    """A bad setting is refused by the probe, in its own words."""
    assert outside_edge.ask(configured, "") == {"checks": [], "unasked": []}
