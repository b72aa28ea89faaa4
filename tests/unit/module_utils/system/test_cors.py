"""What a browser asks before it sends more than a simple request, and after which answers it sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import repeated_requests
from ansible_collections.rescue502.django.plugins.module_utils.system import cors, http_client

ORIGIN = "https://shop.example"
ALLOWED = {"Access-Control-Allow-Origin": ORIGIN}
# What is asked about (method, headers), the answer's status and headers, and what is wrong with it.
ANSWERS = {
    "a simple method": ("POST", [], 204, ALLOWED, ""),
    "every origin": ("POST", [], 200, {"Access-Control-Allow-Origin": "*"}, ""),
    "a method that is named": ("PUT", [], 204, {**ALLOWED, "Access-Control-Allow-Methods": "GET, PUT"}, ""),
    "every method": ("DELETE", [], 204, {**ALLOWED, "Access-Control-Allow-Methods": "*"}, ""),
    "a header in another case": ("POST", ["X-Shop"], 204, {**ALLOWED, "Access-Control-Allow-Headers": "x-shop"}, ""),
    "every header": ("POST", ["x-shop"], 204, {**ALLOWED, "Access-Control-Allow-Headers": "*"}, ""),
    "refused": ("POST", [], 405, ALLOWED, "preflight: status 405"),
    "redirected": ("POST", [], 301, ALLOWED, "preflight: status 301"),
    "no origin": ("POST", [], 204, {}, f"preflight: origin {ORIGIN} is not allowed"),
    "no methods": ("PUT", [], 204, ALLOWED, "preflight: method PUT is not allowed, only none"),
    "other methods": (
        "PATCH",
        [],
        204,
        {**ALLOWED, "Access-Control-Allow-Methods": "GET,PUT"},
        "preflight: method PATCH is not allowed, only GET, PUT",
    ),
    "other headers": (
        "POST",
        ["content-type", "x-shop"],
        204,
        {**ALLOWED, "Access-Control-Allow-Headers": "Content-Type, Accept"},
        "preflight: header x-shop is not allowed, only content-type, accept",
    ),
    "authorization is no part of every header": (
        "GET",
        ["authorization"],
        204,
        {**ALLOWED, "Access-Control-Allow-Headers": "*"},
        "preflight: header authorization is not allowed, only *",
    ),
    # What is wrong with all requests is not wrong with this one in particular.
    "the backend is down": ("POST", [], 502, {}, "status 502"),
}


class Server(BaseHTTPRequestHandler):
    """Gives the answer that a test chose, and keeps what it was asked."""

    asked: list[tuple[str, str, str | None]]
    answer: tuple[int, dict[str, str]]

    def do_OPTIONS(self) -> None:
        """Any path."""
        names = ("Access-Control-Request-Method", "Access-Control-Request-Headers")
        self.asked.append((self.headers["Origin"], self.headers[names[0]], self.headers[names[1]]))
        self.send_response(self.answer[0])
        for name, value in self.answer[1].items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_parts: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server."""
    Server.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api/"
        server.shutdown()


@pytest.mark.parametrize("way", ANSWERS)
def test_what_a_browser_makes_of_it(url: str, way: str) -> None:
    """It is asked as a browser does, and judged as a browser does."""
    method, names, status, headers, problem = ANSWERS[way]
    Server.answer = (status, headers)
    wanted = {"url": url, "status": None, "preflight": method, "preflight_headers": names}
    check = http_client.check(wanted, ORIGIN, 5)
    assert Server.asked == [(ORIGIN, method, ",".join(sorted(name.lower() for name in names)) or None)]
    assert (check["status"], check["problem"], check["well"]) == (status, problem, not problem)
    assert check["name"] == f"{method} preflight of {url}"


def test_what_is_asked() -> None:
    """Names of headers as a browser writes them; none where there are none."""
    assert cors.preflight_headers("PUT", ["X-Shop", "Accept"]) == {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "accept,x-shop",
    }
    assert cors.preflight_headers("PUT", []) == {"Access-Control-Request-Method": "PUT"}


def test_the_rehearsal_asks_for_pages_only() -> None:
    """A preflight that failed is not made a GET of the same address."""
    wanted = {"url": "http://127.0.0.1/api/", "status": None}
    shown = {"name": "/api/", "status": 500, "error": ""}
    late = {**shown, "status": 504}
    wrong = [(wanted, shown), ({**wanted, "preflight": "POST"}, shown)]
    assert [page.wanted for page in repeated_requests.pages(wrong, "", listening="gunicorn")] == [wanted]
    assert not repeated_requests.late_pages([({**wanted, "preflight": "POST"}, late)], "")
