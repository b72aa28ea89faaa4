"""Which origins Django is asked about, and with what of nginx's; of a site that is not seen to be https, none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import form_origins
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_locations

CONFIG = """
http {
  log_format main '$http_x_forwarded_for';
  %(outer)s
  server {
    listen %(listen)s;
    server_name %(names)s;
    location %(location)s { %(pass)s }
    location @app { proxy_pass http://unix:/run/app.sock; proxy_set_header Host $host; }
  }
}
"""
PASS = "proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;"
USUAL = {"outer": "", "listen": "443 ssl", "names": "shop.example", "location": "/", "pass": PASS}
CHECK = {"url": "https://127.0.0.1/health/", "host": "shop.example", "cors": None}


def origins(folder: Path, asked: dict[str, Any] | None = None, **written: str) -> list[dict[str, Any]]:
    """What is asked, of an nginx whose configuration is the usual one but for what is given."""
    config = folder / "nginx.conf"
    config.write_text(CONFIG % {**USUAL, **written}, encoding="utf-8")
    root, _files = nginx_config.load(str(config))
    stack: Any = SimpleNamespace(nginx_root=root, nginx_unread=[], locations=nginx_locations.proxied_locations(root))
    return form_origins.collect(stack, asked or {})


def test_by_the_name_that_nginx_serves(tmp_path: Path) -> None:
    """Where it ends TLS itself, with the headers that it sends, and the address that the app sees it come from."""
    (found,) = origins(tmp_path)
    assert (found["origin"], found["host"], found["peer"]) == ("https://shop.example", "shop.example", "127.0.0.1")
    assert found["headers"] == {"x-forwarded-proto": "https"}
    assert (found["own"], found["fronted"], found["unknown"], found["by_tls"]) == (True, False, [], True)


def test_by_each_of_its_names(tmp_path: Path) -> None:
    """A browser sends the one that it was given; wildcards, expressions, addresses and bare words are no origin."""
    named = origins(tmp_path, names="shop.example www.shop.example *.x.example .x.example ~^x _ localhost 10.0.0.5")
    assert [item["origin"] for item in named] == ["https://shop.example", "https://www.shop.example"]


@pytest.mark.parametrize(
    "written",
    [{"listen": "80"}, {"listen": "8443 ssl"}, {"names": "_"}, {"names": "localhost"}, {"names": "10.0.0.5"}],
)
def test_never_made_up(tmp_path: Path, written: dict[str, str]) -> None:
    """Over plain HTTP another server may end TLS; a port or a name of its own may be another to the public."""
    assert origins(tmp_path, **written) == []


def test_a_check_says_the_public_name(tmp_path: Path) -> None:
    """Also where nginx itself speaks plain HTTP; what is in front of it may send more."""
    (found,) = origins(tmp_path, {"configured": True, "checks": [CHECK]}, listen="80", names="_")
    assert (found["origin"], found["by_tls"], found["fronted"]) == ("https://shop.example", False, True)
    assert found["headers"] == {"x-forwarded-proto": "http"}
    assert origins(tmp_path, {"configured": True, "checks": [{**CHECK, "url": "http://127.0.0.1/"}]}, listen="80") == []
    odd = {**CHECK, "url": "https://127.0.0.1:8443/"}
    assert origins(tmp_path, {"configured": True, "checks": [odd]}, listen="8443 ssl") == []
    own = {"url": "https://shop.example:8443/", "host": ""}
    (found,) = origins(tmp_path, {"configured": True, "checks": [own]}, listen="8443 ssl")
    assert (found["origin"], found["host"]) == ("https://shop.example:8443", "shop.example")


@pytest.mark.parametrize(
    ("outer", "fronted"),
    [
        ("", False),
        ("set_real_ip_from 10.0.0.0/8;", True),
        ("limit_req_zone $http_cf_connecting_ip zone=a:1m rate=1r/s;", True),
    ],
)
def test_behind_another_server(tmp_path: Path, outer: str, fronted: bool) -> None:
    """Its lines show it; a format of logs does not."""
    assert {item["fronted"] for item in origins(tmp_path, outer=outer)} == {fronted}
    other_certificate = {"shown": [{"name": "shop.example", "days_left": 9, "on_disk": False}]}
    assert {item["fronted"] for item in origins(tmp_path, other_certificate, outer=outer)} == {True}


def test_what_a_map_or_the_visitor_decides_is_unknown(tmp_path: Path) -> None:
    """Of the Host so that nothing is asked, of another header so that whatever it may be is tried."""
    lines = "proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto {};"
    for value in ("$http_x_forwarded_proto", "$proto_of_a_map"):
        (found,) = origins(tmp_path, **{"pass": lines.format(value)})
        assert found["unknown"] == ["x-forwarded-proto"]
    assert not [
        item for item in origins(tmp_path, **{"pass": lines.replace("$host", "$host_of_a_map")}) if item["peer"]
    ]


def test_through_a_named_location(tmp_path: Path) -> None:
    """As gunicorn's own documentation has it: try_files hands on to it."""
    found = origins(tmp_path, **{"pass": "try_files $uri @app;"})
    assert [(item["path"], item["host"], item["headers"], item["peer"]) for item in found] == [
        ("/", "shop.example", {}, "")
    ]


def test_the_path_is_the_one_that_the_app_sees(tmp_path: Path) -> None:
    """proxy_pass with a path takes the location's own out."""
    (root,) = origins(tmp_path)
    assert root["path"] == "/"
    inner = {"location": "/shop/", "pass": PASS.replace(":8000;", ":8000/;")}
    assert [item["path"] for item in origins(tmp_path, **inner)] == ["/"]
    assert [item["path"] for item in origins(tmp_path, **{**inner, "pass": PASS})] == ["/shop/"]
    on_a_socket = PASS.replace("127.0.0.1:8000", "unix:/run/app.sock")
    assert [item["path"] for item in origins(tmp_path, **{**inner, "pass": on_a_socket})] == ["/shop/"]
    with_a_path = PASS.replace("127.0.0.1:8000", "unix:/run/app.sock:/")
    assert [item["path"] for item in origins(tmp_path, **{**inner, "pass": with_a_path})] == ["/"]


def test_an_app_server_that_speaks_tls(tmp_path: Path) -> None:
    """What it makes of the scheme is not known."""
    (found,) = origins(tmp_path, **{"pass": PASS.replace("http:", "https:")})
    assert found["peer"] is None
    (found,) = origins(tmp_path, **{"pass": PASS.replace("127.0.0.1", "app.internal")})
    assert found["peer"] is None


def test_the_front_ends_origin(tmp_path: Path) -> None:
    """With whether the edge lets it send cookies; not where it is the site's own."""
    said = {"origin": "https://app.example", "allowed": "https://app.example", "credentials": True}
    asked = {"configured": True, "checks": [{**CHECK, "cors": said}], "origin": "https://app.example"}
    _own, front = origins(tmp_path, asked)
    assert (front["origin"], front["own"], front["with_cookies"]) == ("https://app.example", False, True)
    for_all = {**asked, "checks": [{**CHECK, "cors": {**said, "allowed": "*"}}]}
    assert origins(tmp_path, for_all)[-1]["with_cookies"] is False
    assert all(item["own"] for item in origins(tmp_path, {**asked, "origin": "https://shop.example"}))


@pytest.mark.parametrize(
    ("lines", "handed", "host_set", "place"),
    [
        (PASS, True, True, 10),
        (PASS.replace("\n", ""), True, True, 10),
        ("proxy_pass http://127.0.0.1:8000;", False, False, 8),
        ("\nproxy_pass http://127.0.0.1:8000;\n", False, False, 9),
    ],
)
def test_the_place_of_a_line(tmp_path: Path, lines: str, handed: bool, host_set: bool, place: int) -> None:
    """That of nginx's own line; without one, that after which it takes the place of none."""
    spread = lines.replace("; ", ";\n") if handed else lines
    asked = origins(tmp_path, **{"pass": spread})
    step = {"ok": True, "refused": [{"index": 0, "header": "X-Forwarded-Proto", "value": "https"}]}
    (shown,) = form_origins.placed(step, asked)["refused"]
    assert (shown["handed"], shown["host_set"], shown["header_line"]) == (handed, host_set, place)
    assert shown["file"] == str(tmp_path / "nginx.conf")
    assert shown["origin"] == "https://shop.example"
    assert form_origins.placed({"ok": True}, asked) == {"ok": True}
