"""What nginx answers by itself, on configurations made for it; the app, and what stands in for it, are sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import refusals
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    nginx_locations,
)

HOST = "shop.example"


class _Says200(BaseHTTPRequestHandler):
    """An app that answers."""

    def do_GET(self) -> None:
        """200, whatever is asked."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[int]:
    """The port of somebody who answers 200."""
    server = HTTPServer(("127.0.0.1", 0), _Says200)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def refused(
    folder: Path, server: str, port: int, status: int, state: str = "inactive", http: str = ""
) -> list[dict[str, Any]]:
    """The refusals of a check that was answered with this status. port: where the app is to listen."""
    config = folder / "nginx.conf"
    config.write_text(f"http {{ {http} server {{ server_name {HOST}; listen 80; {server} }} }}")
    root, _files = nginx_config.load(str(config))
    bind = gunicorn_config.parse_bind(f"127.0.0.1:{port}")
    proxied = nginx_locations.proxied_locations(root)
    stack = SimpleNamespace(
        nginx_root=root, bind=[bind], properties={"ActiveState": state}, all_locations=proxied,
        locations=proxied, server=SimpleNamespace(certfile="", speaks_uwsgi=False),
    )  # fmt: skip
    check = {"well": False, "status": status, "url": "http://127.0.0.1/api/", "host": HOST}
    asked = {"checks": [check, {**check, "well": True}, {**check, "status": 0}]}
    found = refusals.collect(stack, asked)  # type: ignore[arg-type]
    assert all((item["path"], item["status"]) == ("/api/", status) for item in found)
    return found


def one(found: list[dict[str, Any]]) -> tuple[str, str, int, bool]:
    """The one refusal: its words, its condition, what the app answers, and whether it is certain."""
    (item,) = found
    return item["words"], item["condition"], item["app_status"], item["certain"]


PROXIED = "location / {{ proxy_pass http://127.0.0.1:{port}; }}"


@pytest.mark.parametrize(
    ("rule", "status", "condition"),
    [
        ("return 503;", 503, ""),
        ("if (-f /srv/maintenance) { return 503; }", 503, "if (-f /srv/maintenance)"),
        ("return 502;", 502, ""),
    ],
)
def test_a_rule_is_known_though_the_app_does_not_answer(
    tmp_path: Path, closed: int, rule: str, status: int, condition: str
) -> None:
    """A status that no proxy gives for a dead app, or a rule that is reached before any app is asked."""
    found = refused(tmp_path, f"{rule} {PROXIED.format(port=closed)}", closed, status)
    assert one(found) == (f"return {status}", condition, 0, True)


def test_what_a_dead_app_looks_like_is_no_refusal(tmp_path: Path, closed: int, answering: int) -> None:
    """502 by a rule that may not hold: with the app down it is the app; with the app up it is left open."""
    rule = "if (-f /srv/maintenance) { return 502; }"
    assert refused(tmp_path, f"{rule} {PROXIED.format(port=closed)}", closed, 502) == []
    found = refused(tmp_path, f"{rule} {PROXIED.format(port=answering)}", answering, 502, "active")
    assert one(found) == ("return 502", "if (-f /srv/maintenance)", 200, False)
    assert refused(tmp_path, PROXIED.format(port=closed), closed, 502) == []
    # The app's own answer is no rule of nginx's, and a proxy before nginx may say 503.
    assert refused(tmp_path, f"return 200; {PROXIED.format(port=answering)}", answering, 200, "active") == []
    assert refused(tmp_path, PROXIED.format(port=closed), closed, 503) == []


def test_a_drained_app_is_spared(tmp_path: Path, closed: int, answering: int) -> None:
    """Its server is marked `down`: whatever the others answer, it is not the app's. Not where it stands there twice."""
    groups = f"upstream g {{ server 127.0.0.1:{closed} down; server 127.0.0.1:{answering}; }}"
    for state, status in (("inactive", 502), ("inactive", 500), ("active", 404)):
        found = refused(tmp_path, "location / { proxy_pass http://g; }", closed, status, state, groups)
        assert one(found) == (f"server 127.0.0.1:{closed} down", "upstream g", 0, True)
    twice = f"upstream g {{ server 127.0.0.1:{closed} down; server 127.0.0.1:{closed}; }}"
    assert refused(tmp_path, "location / { proxy_pass http://g; }", closed, 502, http=twice) == []
    other = "location / { proxy_pass http://other; }"
    assert refused(tmp_path, other, closed, 502, http=groups) == []


def test_another_server_answers_in_its_place(tmp_path: Path, closed: int, answering: int) -> None:
    """The app is stopped, and nginx sends to somebody who takes connections; the longest location counts."""
    page = f"location / {{ proxy_pass http://127.0.0.1:{answering}; }}"
    words = f"proxy_pass http://127.0.0.1:{answering}"
    assert one(refused(tmp_path, page, closed, 503)) == (words, "", 0, True)
    assert refused(tmp_path, page, closed, 503, "active") == []
    ours = f"{page} location /api/ {{ proxy_pass http://127.0.0.1:{closed}; }}"
    assert refused(tmp_path, ours, closed, 503) == []


def test_an_answer_without_the_app(tmp_path: Path, closed: int, answering: int) -> None:
    """It is stopped, and a page is shown; nobody has to know how."""
    page = "location / { root /srv/sorry; try_files /index.html =404; }"
    (found,) = refused(tmp_path, page, closed, 200)
    assert one([found]) == ("", "", 0, True)
    assert found["file"].endswith("nginx.conf")
    assert refused(tmp_path, page, closed, 200, "active") == []
    # Somebody else has its port: it may be the one that answers.
    assert refused(tmp_path, page, answering, 404) == []


@pytest.mark.parametrize(
    ("server", "url", "host"),
    [
        ("listen 443 ssl; ssl_verify_client on;", "https://127.0.0.1/api/", HOST),
        # As its own error page has it, and by a name in the address.
        ("listen 443 ssl; ssl_verify_client on; error_page 495 496 =403 /no.html;", f"https://{HOST}/api/", ""),
        ("listen [::]:8443 ssl; ssl_verify_client on;", "https://[::1]:8443/api/", f"{HOST}:8443"),
    ],
)
@pytest.mark.parametrize("is_up", [True, False])
def test_a_clients_certificate_is_wanted(
    tmp_path: Path, answering: int, closed: int, server: str, url: str, host: str, is_up: bool
) -> None:
    """The refusal is nginx's; nothing below it can be the reason only where the app itself answers."""
    assert wants(tmp_path, server, answering if is_up else closed, url, host) == [
        ("ssl_verify_client on", 200 if is_up else 0, is_up)
    ]


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("listen 443 ssl; ssl_verify_client optional;", "https://127.0.0.1/api/"),
        ("listen 443 ssl; ssl_verify_client off;", "https://127.0.0.1/api/"),
        ("listen 443 ssl; listen 80; ssl_verify_client on;", "http://127.0.0.1/api/"),
        ("listen 8443 ssl; ssl_verify_client on;", "https://127.0.0.1/api/"),
    ],
)
def test_no_clients_certificate_is_wanted(tmp_path: Path, answering: int, server: str, url: str) -> None:
    """Where it is optional, without TLS, or on another port."""
    assert wants(tmp_path, server, answering, url, HOST) == []


def wants(folder: Path, server: str, port: int, url: str, host: str) -> list[tuple[str, int, bool]]:
    """Of each refusal of a check that was answered 400: its words, what the app answers, whether it is certain."""
    proxied = PROXIED.format(port=port)
    plain = f"server {{ listen 443 ssl; server_name other.example; {proxied} }}"
    (folder / "nginx.conf").write_text(f"http {{ {plain} server {{ server_name {HOST}; {server} {proxied} }} }}")
    root = nginx_config.load(str(folder / "nginx.conf"))[0]
    locations = nginx_locations.proxied_locations(root)
    stack = SimpleNamespace(
        nginx_root=root, bind=[gunicorn_config.parse_bind(f"127.0.0.1:{port}")], properties={"ActiveState": "active"},
        all_locations=locations, locations=locations, server=SimpleNamespace(certfile="", speaks_uwsgi=False),
        timeout=30,
    )  # fmt: skip
    asked = {"checks": [{"well": False, "status": 400, "url": url, "host": host}]}
    found = refusals.collect(stack, asked)  # type: ignore[arg-type]
    return [(item["words"], item["app_status"], item["certain"]) for item in found]


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("location / { return 302 /maintenance.html; }", 302),
        ("location / { return 307 https://status.example/; }", 307),
        ("location / { return https://status.example/; }", 302),
        ("if (-f /srv/maintenance) { rewrite ^ /sorry.html redirect; }", 302),
        ("rewrite ^/api/ https://status.example/ permanent;", 301),
    ],
)
def test_a_redirect_to_one_page_is_a_maintenance_though_the_app_runs(
    tmp_path: Path, answering: int, rule: str, status: int
) -> None:
    """Visitors get that page and not the app, which answers otherwise."""
    (found,) = refused(tmp_path, rule, answering, status, "active")
    assert (found["app_status"], found["certain"], found["words"] in rule) == (200, True, True)


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("return 301 https://$host$request_uri;", 301),
        ("rewrite ^(.*)$ https://www.shop.example$1 permanent;", 301),
        ("rewrite ^/old/ /api/ last;", 302),
        ("return 200 sorry;", 200),
    ],
)
def test_a_redirect_that_hands_the_path_on_refuses_nobody(
    tmp_path: Path, answering: int, rule: str, status: int
) -> None:
    """To https, or to another of the site's names: what fails behind it is repaired."""
    assert refused(tmp_path, rule, answering, status, "active") == []
