"""Who says what about CORS: nginx's lines, inherited or not, with `always` or not, and the app itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import backend, cors_lines
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config
from ansible_collections.rescue502.django.plugins.module_utils.system import cors, http_client

ORIGIN = "https://shop.example"
ADDS = f"add_header Access-Control-Allow-Origin {ORIGIN};"
ALWAYS = f"add_header Access-Control-Allow-Origin {ORIGIN} always;"
PASS = "proxy_pass http://127.0.0.1:8000;"
OTHER = "add_header Access-Control-Allow-Origin https://old.example always;"
PLAIN = "add_header X-Frame-Options DENY;"


def faults(
    monkeypatch: pytest.MonkeyPatch, folder: Path, lines: str, status: int, allowed: str, app: str
) -> list[dict[str, Any]]:
    """What is found of a check that is answered so, where the app itself allows `app`."""
    (folder / "nginx.conf").write_text(f"http {{ server {{ listen 80; {lines} }} }}")
    stack: Any = SimpleNamespace(nginx_root=nginx_config.load(str(folder / "nginx.conf"))[0])
    answer = {"status": 200, "cors": {"allowed": app}}
    monkeypatch.setattr(backend, "make_check", lambda *_words: answer)
    wanted = {"url": "http://127.0.0.1/api/", "host": "api.example"}
    shown = {"name": "api", "status": status, "cors": {"allowed": allowed, "well": False}}
    return cors_lines.collect(stack, [(wanted, shown)], ORIGIN)


@pytest.mark.parametrize(
    ("lines", "allowed", "doubles"),
    [
        (f"{ALWAYS} location / {{ {PASS} }}", ORIGIN, True),
        (f"location / {{ add_header Access-Control-Allow-Origin $http_origin; {PASS} }}", ORIGIN, True),
        (f"{ALWAYS} location / {{ {PASS} }}", "", False),
        (f"location / {{ {PASS} }}", ORIGIN, False),
        # What a variable holds is not known; an inner block inherits nothing; the app's own is taken out.
        (f"location / {{ add_header Access-Control-Allow-Origin $allowed; {PASS} }}", ORIGIN, False),
        (f"{ALWAYS} location / {{ {PLAIN} {PASS} }}", ORIGIN, False),
        (f"{ALWAYS} location / {{ proxy_hide_header Access-Control-Allow-Origin; {PASS} }}", ORIGIN, False),
    ],
)
def test_what_nginx_would_add_to_an_app_that_is_down(tmp_path: Path, lines: str, allowed: str, doubles: bool) -> None:
    """By what the app said when it was started for trial, and nginx's own lines about that request."""
    (tmp_path / "nginx.conf").write_text(f"http {{ server {{ listen 80; {lines} }} }}")
    stack: Any = SimpleNamespace(nginx_root=nginx_config.load(str(tmp_path / "nginx.conf"))[0])
    wanted = {"url": "http://127.0.0.1/api/", "host": "api.example", "name": "api"}
    started = {"checks": [{"name": "api", **({"allowed": allowed} if allowed else {})}]}
    found = cors_lines.with_doubled(started, stack, [(wanted, {})])
    assert ("cors_doubled" in found) == doubles
    if doubles:
        assert (found["cors_doubled"][0]["name"], found["cors_doubled"][0]["allowed"]) == ("api", ORIGIN)
    assert cors_lines.with_doubled({"tried": False}, stack, [(wanted, {})]) == {"tried": False}


@pytest.mark.parametrize(
    ("lines", "status", "allowed", "app", "fault"),
    [
        # Both add it, in a server or in a location, as a name or a wildcard.
        (f"{ALWAYS} location / {{ {PASS} }}", 200, f"{ORIGIN}, {ORIGIN}", ORIGIN, "doubled"),
        (f"location / {{ add_header access-control-allow-origin *; {PASS} }}", 200, f"{ORIGIN}, *", ORIGIN, "doubled"),
        # Errors get none without `always`, whether of the app or of nginx itself.
        (f"{ADDS} location / {{ {PASS} }}", 401, "", "", "success-only"),
        (f"location / {{ {ADDS} {PASS} }}", 404, "", "", "success-only"),
        # A line of an inner block takes the place of all outer ones.
        (f"{ALWAYS} location / {{ {PLAIN} {PASS} }}", 200, "", "", "not-inherited"),
        (f"{ALWAYS} location /api {{ {PLAIN} {PASS} }}", 401, "", "", "not-inherited"),
        (f"location / {{ {OTHER} {PASS} }}", 200, "https://old.example", "", "other-origin"),
    ],
)
def test_what_is_wrong_with_nginxs_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: str, status: int, allowed: str, app: str, fault: str
) -> None:
    """As the answer shows it, with the line that is at fault."""
    (found,) = faults(monkeypatch, tmp_path, lines, status, allowed, app)
    assert (found["fault"], found["file"]) == (fault, str(tmp_path / "nginx.conf"))
    assert found["words"].lower().startswith("add_header access-control-allow-origin")
    assert bool(found["instead"]) == (fault == "not-inherited")


@pytest.mark.parametrize(
    ("lines", "status", "allowed", "app"),
    [
        # nginx has no line: what is missing is the app's.
        (f"location / {{ {PASS} }}", 200, "", ""),
        (f"location / {{ {PASS} }} location /other {{ {ALWAYS} }}", 200, "", ""),
        # nginx's line should have been in this answer: it came from somebody else.
        (f"{ALWAYS} location / {{ {PASS} }}", 401, "", ""),
        (f"{ADDS} location / {{ {PASS} }}", 200, "", ""),
        # The app itself says what the answer says.
        (f"{ADDS} location / {{ {PASS} }}", 500, "https://old.example", "https://old.example"),
    ],
)
def test_nginxs_line_is_not_at_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: str, status: int, allowed: str, app: str
) -> None:
    """Where the answer does not follow from it."""
    assert faults(monkeypatch, tmp_path, lines, status, allowed, app) == []


def test_a_header_that_stands_twice_is_what_a_browser_makes_of_it() -> None:
    """fetch.spec.whatwg.org, "get": the values with a comma, which no origin equals."""
    headers = http_client._combined([("Access-Control-Allow-Origin", ORIGIN), ("access-control-allow-origin", ORIGIN)])
    assert headers == {"access-control-allow-origin": f"{ORIGIN}, {ORIGIN}"}
    assert not cors.allows_origin(headers, ORIGIN)
    assert cors.allows_origin(http_client._combined([("Access-Control-Allow-Origin", ORIGIN)]), ORIGIN)
