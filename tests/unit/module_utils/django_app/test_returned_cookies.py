"""Which cookies come back to the site that set them, and which attribute keeps one from it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import returned_cookies
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

PLAIN = "sessionid=x; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax"
HTTPS = {"origin": "https://shop.example", "host": "shop.example", "secure": True, "alone": False, "paths": ["/api/"]}
HTTP = {**HTTPS, "origin": "http://shop.example", "secure": False, "alone": True}


def lost(header: str, visitor: dict[str, Any], by_proxy: bool = False, name: str = "sessionid") -> list[str]:
    """The attributes at fault."""
    step = {
        "ok": True,
        "set": [{"index": 0, "name": name, "header": header.replace("sessionid", name, 1)}],
        "pages": ["/admin/login/"],
        "by_proxy": by_proxy,
    }
    found = returned_cookies.judged(step, [visitor])
    assert set(found) == {"ok", "lost"}
    assert all("=x" not in item["set"] for item in found["lost"])
    return [item["attribute"] for item in found["lost"]]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (PLAIN, []),
        (f"{PLAIN}; Secure", []),
        (f"{PLAIN}; Domain=shop.example", []),
        (f"{PLAIN}; Domain=.shop.example", []),
        (f"{PLAIN}; Domain=.old-name.example", ["Domain"]),
        (f"{PLAIN}; Domain=www.shop.example", ["Domain"]),
        ("sessionid=x; Domain=op.example; Path=/", ["Domain"]),
        ("sessionid=x; Path=/shop", ["Path"]),
        ("sessionid=x; Path=/admin/", []),
        ("sessionid=x; Path=/api", []),
        ("sessionid=x; Path=/; SameSite=None", ["SameSite"]),
        ("sessionid=x; Path=/; SameSite=None; Secure", []),
    ],
)
def test_what_is_at_fault(header: str, expected: list[str]) -> None:
    """By https, with a form below /admin/ and a check of /api/."""
    assert lost(header, HTTPS) == expected


def test_secure_counts_only_where_nobody_ends_tls() -> None:
    """A balancer that is not seen may."""
    assert lost(f"{PLAIN}; Secure", HTTP) == ["Secure"]
    assert lost(f"{PLAIN}; Secure", HTTP, by_proxy=True) == []
    assert lost(f"{PLAIN}; Secure", {**HTTP, "alone": False}) == []
    assert lost(f"{PLAIN}; Secure; Domain=.old.example", HTTP) == ["Domain and Secure"]
    assert lost(f"{PLAIN}; Secure; Domain=.old.example", HTTP, by_proxy=True) == ["Domain"]


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        ("__Secure-id", "sessionid=x; Path=/", ["Prefix"]),
        ("__Secure-id", "sessionid=x; Path=/; Secure", []),
        ("__Host-id", "sessionid=x; Path=/; Secure", []),
        ("__Host-id", "sessionid=x; Path=/; Secure; Domain=shop.example", ["Prefix"]),
        ("__Host-id", "sessionid=x; Path=/admin/; Secure", ["Prefix"]),
    ],
)
def test_names_with_rules(name: str, header: str, expected: list[str]) -> None:
    """RFC 6265bis, 4.1.3."""
    assert lost(header, HTTPS, name=name) == expected


def test_one_name_that_has_it_is_enough() -> None:
    """The others may send their visitors there."""
    header = f"{PLAIN}; Domain=.shop.example"
    other = {**HTTPS, "origin": "https://shop.test", "host": "shop.test"}
    items = [{"index": index, "name": "sessionid", "header": header} for index in (0, 1)]
    assert returned_cookies.judged({"set": items}, [other, HTTPS])["lost"] == []
    assert len(returned_cookies.judged({"set": items}, [other, other])["lost"]) == 1
    assert returned_cookies.judged({"ok": False}, [HTTPS]) == {"ok": False}


def stack(tmp_path: Path, lines: str, locations: list[tuple[list[str], list[str]]]) -> Stack:
    """nginx's configuration, and names and TLS of the app's locations."""
    (tmp_path / "nginx.conf").write_text(f"http {{ {lines} }}")
    root, _files = nginx_config.load(str(tmp_path / "nginx.conf"))
    found = [{"server_names": names, "tls": tls} for names, tls in locations]
    return cast(Stack, SimpleNamespace(nginx_root=root, nginx_unread=[], locations=found))


def test_who_visits(tmp_path: Path) -> None:
    """The names of the user's checks, else nginx's; by https where any of both says so."""
    plain = stack(tmp_path, "server { listen 80; }", [(["shop.example", "_", "localhost"], [])])
    [visitor] = returned_cookies.visitors(plain, {})
    assert visitor == {**HTTP, "paths": []}
    asked = {"configured": True, "checks": [{"url": "http://127.0.0.1/api/", "host": "other.example"}]}
    [visitor] = returned_cookies.visitors(plain, asked)
    assert (visitor["origin"], visitor["paths"]) == ("http://other.example", ["/api/"])
    behind = stack(tmp_path, "real_ip_header X-Forwarded-For;", [(["shop.example"], [])])
    assert [visitor["alone"] for visitor in returned_cookies.visitors(behind, asked)] == [False]
    assert returned_cookies.visitors(behind, {}) == [], "the one in front knows their name"
    tls = stack(tmp_path, "server { listen 443 ssl; }", [(["shop.example"], ["443"]), (["shop.example"], [])])
    assert returned_cookies.visitors(tls, {}) == [{**HTTPS, "paths": []}]
    assert returned_cookies.visitors(cast(Stack, SimpleNamespace(nginx_root=None)), {}) == []
