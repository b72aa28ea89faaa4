"""Which header that nginx hands on is at fault: the app is asked with it, and without."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import handed_headers
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config

PROBLEM = "status 400"
ORIGIN = "https://app.example"


class App:
    """An app that refuses some requests; what it was asked is kept."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.refuses: Any = lambda _host, _headers: False
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.problem = PROBLEM
        monkeypatch.setattr(handed_headers.backend, "make_check", self.make_check)

    def make_check(self, _stack: Any, wanted: dict[str, Any], _origin: str, _patience: float) -> dict[str, Any]:
        """The answer to a request."""
        self.asked.append((wanted["host"], wanted["headers"]))
        bad = self.refuses(wanted["host"], wanted["headers"])
        return {"asked": True, "status": 400 if bad else 200, "problem": self.problem if bad else "", "well": not bad}

    def handed(self, lines: str, status: int = 400) -> Any:
        """What is found of a check that failed at nginx, whose location has these lines."""
        server = f"server {{ listen 443 ssl; server_name a.example;\nlocation / {{ {lines} }} }}"
        (self.folder / "nginx.conf").write_text(f"http {{ {server} }}")
        stack: Any = SimpleNamespace(nginx_root=nginx_config.load(str(self.folder / "nginx.conf"))[0])
        wanted = {"url": "https://a.example/api/"}
        shown = {"name": "api", "status": status, "problem": PROBLEM}
        return handed_headers.collect(stack, [(wanted, shown)], ORIGIN)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app that answers everything well."""
    return App(tmp_path, monkeypatch)


PASS = "proxy_pass http://127.0.0.1:8000;"
PROTO = "proxy_set_header X-Forwarded-Proto http;"


def test_the_host_is_at_fault(app: App) -> None:
    """nginx's default is the upstream's address, which the app does not know."""
    app.refuses = lambda host, _headers: host != "a.example"
    (item,) = app.handed(PASS)
    assert (item["name"], item["path"], item["host"], item["visitors_host"]) == (
        "api",
        "/api/",
        "127.0.0.1:8000",
        "a.example",
    )
    assert (item["host_at_fault"], item["forwarded_at_fault"], item["written"]) == (True, False, "$proxy_host")
    assert (item["line"], item["forwarded"], "origin" in item) == (2, [], False)


def test_what_says_how_a_visitor_came_is_at_fault(app: App) -> None:
    """http, of a visitor who came by https."""
    app.refuses = lambda _host, headers: headers.get("x-forwarded-proto") == "http"
    (item,) = app.handed(f"{PASS} proxy_set_header Host $host; {PROTO}")
    assert (item["host_at_fault"], item["forwarded_at_fault"]) == (False, True)
    assert [(part["name"], part["value"], part["line"]) for part in item["forwarded"]] == [
        ("x-forwarded-proto", "http", 2)
    ]


def test_the_origin_is_at_fault(app: App) -> None:
    """Another one than the visitor's."""
    app.refuses = lambda _host, headers: headers.get("Origin", ORIGIN) != ORIGIN
    (item,) = app.handed(f"{PASS} proxy_set_header Host $host; proxy_set_header Origin http://inside;")
    assert item["origin"]["value"] == "http://inside"
    assert (item["host_at_fault"], item["forwarded_at_fault"]) == (False, False)
    app.refuses = lambda _host, headers: bool(headers.get("Origin"))
    (item,) = app.handed(f"{PASS} proxy_set_header Host $host; proxy_set_header Origin $http_origin;")
    assert "origin" not in item, "it is the visitor's own"
    app.refuses = lambda _host, _headers: True
    (item,) = app.handed(f"{PASS} proxy_set_header Host $host; proxy_set_header Origin http://inside;")
    assert "origin" not in item, "without it the app answers no better"


def test_nothing_is_at_fault(app: App) -> None:
    """Of what the app answers well, answers badly whatever it is sent, or with another problem than the edge's."""
    lines = f"{PASS} {PROTO}"
    for refuses, problem in ((False, PROBLEM), (True, PROBLEM), (True, "status 500")):
        app.refuses, app.problem = (lambda _host, _headers, answer=refuses: answer), problem
        (item,) = app.handed(lines)
        assert (item["host_at_fault"], item["forwarded_at_fault"], "origin" in item) == (False, False, False)


def test_where_the_app_is_not_asked(app: App) -> None:
    """nginx had no answer of it, or does not hand the request on."""
    for status in (0, 502, 504):
        assert app.handed(PASS, status) == []
    assert app.handed("return 400;") == []
    assert app.asked == []
