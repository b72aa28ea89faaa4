"""What answers in the app's place, and whether a listener is reached, on configurations and sockets made for it."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    answering_server,
    nginx_limits,
    reachability,
)
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    nginx_locations,
)
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

ME = pwd.getpwuid(os.geteuid()).pw_name


def stack_of(folder: Path, text: str) -> Any:
    """A stack whose nginx has this http block."""
    config = folder / "nginx.conf"
    config.write_text(text)
    root, _files = nginx_config.load(str(config))
    return SimpleNamespace(nginx_root=root, locations=nginx_locations.proxied_locations(root))


@pytest.mark.parametrize(
    ("url", "host", "chosen_by", "is_the_apps", "returns", "line"),
    [
        ("http://127.0.0.1/", "a.example", "exact", True, "", 3),
        ("http://127.0.0.1/up", "a.example:80", "exact", True, "return 200 up", 5),
        ("http://127.0.0.1/", "c.test", "default", False, "", 2),
        ("http://127.0.0.1/old", "a.example", "exact", True, "", 3),
    ],
)
def test_who_answered(
    tmp_path: Path, url: str, host: str, chosen_by: str, is_the_apps: bool, returns: str, line: int
) -> None:
    """The server's line, or that of a return of 2xx; a refusal is another matter."""
    text = """http {
        server { listen 80 default_server; return 404; }
        server { listen 80; server_name a.example;
            location / { proxy_pass http://127.0.0.1:8000; }
            location = /up { return 200 up; }
            location = /old { return 410; }
        } }"""
    found = answering_server.collect(stack_of(tmp_path, text), [({"url": url, "host": host}, {"name": url})])
    assert [(item["chosen_by"], item["is_the_apps"], item["returns"], item["line"]) for item in found] == [
        (chosen_by, is_the_apps, returns, line)
    ]


def test_the_line_that_sets_a_limit(tmp_path: Path) -> None:
    """The innermost that the request is under; the default where none does."""
    text = """events { worker_connections 64; }
    http { client_max_body_size 1m;
        server { listen 80; server_name a.example;
            location /up/ { client_max_body_size 5m; limit_req zone=one; }
    } }"""
    asked = {"checks": [{"url": "http://127.0.0.1/", "host": "a.example"}]}
    request = ', client: 1.2.3.4, server: a.example, request: "POST /{} HTTP/1.1"'
    lines = [
        "client intended to send too large body: 9 bytes" + request.format("up/x"),
        "limiting requests, excess: 1.0 by zone" + request.format(""),
        "*7 64 worker_connections are not enough",
        "socket() failed (24: Too many open files)",
    ]
    errors = [{"when": 1.0, "level": "error", "text": line, "path": ""} for line in lines]
    found = nginx_limits.collect(stack_of(tmp_path, text), asked, errors, None)
    said = {item["name"]: (item["words"], item["line"]) for item in found["known"]}
    assert said["worker-connections"] == ("worker_connections 64", 1)
    assert said["request-rate"] == said["open-files"] == ("", 0)
    assert said["body-too-big"][0].startswith("client_max_body_size")


def test_a_queue_that_was_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel says of that socket; nothing of a queue that the app before this one had, nor of TCP."""
    monkeypatch.setattr(nginx_limits.accept_queues, "unix", lambda: {"/run/app.sock": (2, 4)})
    monkeypatch.setattr(nginx_limits.service, "started_at", lambda properties: properties["started"])
    full = "connect() to unix:/run/app.sock failed (11: Resource temporarily unavailable) while connecting to upstream"
    over_tcp = full.replace("to unix:/run/app.sock ", "")
    stack = stack_of(tmp_path, "http { }")

    def queue(started: float, text: str = full) -> Any:
        errors = [
            {"when": when, "level": "error", "text": f"*7 {text}, client: ::1", "path": ""} for when in (5.0, 9.0)
        ]
        stack.properties = {"started": started}
        known = nginx_limits.collect(stack, {}, errors, None)["known"]
        return known[0].get("queue")

    assert queue(4.0) == {"refused": 2, "waiting": 2, "most": 4}
    assert queue(7.5) == {"refused": 1, "waiting": 2, "most": 4}
    assert queue(9.5) is None
    assert queue(4.0, over_tcp) is None
    assert queue(4.0, full.replace("app.sock", "gone.sock")) is None


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A listener that nobody is kept from."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def test_a_listener_that_is_reached(listening: socket.socket) -> None:
    """And nothing is said where nobody listens, or where the account is not known."""
    bind = gunicorn_config.parse_bind(f"127.0.0.1:{listening.getsockname()[1]}")
    found = sockets.listeners()
    assert sockets.matching(bind, found)
    assert reachability.barred(bind, found, ME) == ""
    assert reachability.barred(bind, [], ME) == ""
    assert reachability.barred(bind, found, "no-such-account") == ""
    assert reachability.barred({**bind, "kind": "unix"}, found, ME) == ""


def test_a_refusal_counts_only_where_somebody_listens(
    monkeypatch: pytest.MonkeyPatch, listening: socket.socket
) -> None:
    """Not where its queue is full, where it is one of IPv6 alone, or where it has ended meanwhile."""
    bind = gunicorn_config.parse_bind(f"127.0.0.1:{listening.getsockname()[1]}")
    one = {"kind": "tcp", "host": "127.0.0.1", "port": bind["port"], "path": "", "queued": 0}
    said = SimpleNamespace(stdout="timed out\n")
    monkeypatch.setattr(reachability.commands, "run_as", lambda *_words: said)
    assert reachability.barred(bind, [one], ME) == "timed out"
    assert reachability.barred(bind, [{**one, "queued": 3}], ME) == ""
    assert reachability.barred(bind, [{**one, "host": "::"}], ME) == ""
    monkeypatch.setattr(reachability.sockets, "listeners", list)
    assert reachability.barred(bind, [one], ME) == ""
