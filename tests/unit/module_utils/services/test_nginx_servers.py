"""Which server and location of nginx answer a request, and which headers it hands on."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    nginx_headers,
    nginx_locations,
    nginx_servers,
    upstream_address,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive


def read(folder: Path, text: str) -> Directive:
    """A configuration of these lines in its http block."""
    (folder / "nginx.conf").write_text(f"http {{ {text} }}")
    return nginx_config.load(str(folder / "nginx.conf"))[0]


SERVERS = """
    server { listen 80; server_name first.example; }
    server { listen 80 default_server; listen 443 ssl; server_name _; }
    server { listen 80; server_name shop.example *.shop.example; }
    server { listen 80; server_name *.eu.shop.example; }
    server { listen 80; server_name .both.example; }
    server { listen 80; server_name shop.*; }
    server { listen 80; server_name ~^(?<who>\\w+)\\.people\\.example$; }
    server { listen 80; server_name ~example$; }
    server { listen 10.0.0.5:80; server_name alone.example; }
    server { listen 8080; }
    server { listen 8443 ssl; server_name a.example; } server { listen 8443 ssl; server_name b.example; }
"""


@pytest.mark.parametrize(
    ("port", "name", "names", "chosen_by"),
    [
        (80, "shop.example", ["shop.example", "*.shop.example"], "exact"),
        (80, "SHOP.example.", ["shop.example", "*.shop.example"], "exact"),
        (80, "www.shop.example", ["shop.example", "*.shop.example"], "wildcard"),
        (80, "www.eu.shop.example", ["*.eu.shop.example"], "wildcard"),
        (80, "both.example", [".both.example"], "exact"),
        (80, "a.b.both.example", [".both.example"], "wildcard"),
        (80, "shop.org", ["shop.*"], "wildcard"),
        (80, "ann.people.example", [r"~^(?<who>\w+)\.people\.example$"], "regex"),
        (80, "other.example", ["~example$"], "regex"),
        (80, "nowhere.test", ["_"], "default"),
        (80, "alone.example", ["~example$"], "regex"),
        (443, "shop.example", ["_"], "default"),
        (8080, "any", [""], "default"),
        (8443, "c.test", ["a.example"], "default"),
    ],
)
def test_the_server_that_answers(tmp_path: Path, port: int, name: str, names: list[str], chosen_by: str) -> None:
    """Exact, longest wildcard, first expression, default_server, the first of that port."""
    found = nginx_servers.answering(read(tmp_path, SERVERS), port, name)
    assert found is not None
    assert (nginx_servers.names(found.server), found.chosen_by) == (names, chosen_by)


def test_a_server_of_the_address_comes_first(tmp_path: Path) -> None:
    """Whatever name is asked: the servers of every address are not even looked at."""
    root = read(tmp_path, SERVERS)
    found = nginx_servers.answering(root, 80, "shop.example", "10.0.0.5")
    assert found is not None
    assert nginx_servers.names(found.server) == ["alone.example"]
    assert nginx_servers.answering(root, 81, "shop.example") is None


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("/", ["/"]),
        ("/api/x", ["/api/"]),
        ("/api/", ["/api/"]),
        ("/api/report.csv", ["\\.csv$"]),
        ("/static/a.csv", ["/static/"]),
        ("/exact", ["/exact"]),
        ("/deep/in/x", ["/deep/", "/deep/in/"]),
        ("/deep/x.PNG", ["/deep/", "\\.png$"]),
    ],
)
def test_the_location_that_takes_a_path(tmp_path: Path, path: str, taken: list[str]) -> None:
    """The exact one, the longest prefix, an expression before it, ^~ before that; nested ones too."""
    text = r"""server { listen 80;
        location / {} location /api/ {} location ~ \.csv$ {} location ^~ /static/ {} location = /exact {} location @x {}
        location /deep/ { location /deep/in/ {} location ~* \.png$ {} } }"""
    server = nginx_servers.servers(read(tmp_path, text))[0]
    assert [item.words[-1] for item in nginx_servers.location(server, path)] == taken


@pytest.mark.parametrize(
    ("server", "location", "sent"),
    [
        ("", "", {"host": "my_app"}),
        ("", "proxy_set_header Host $host;", {"host": "www.shop.example"}),
        ("", "proxy_set_header Host $http_host;", {"host": "www.shop.example:8443"}),
        ("", "proxy_set_header host $server_name;", {"host": "shop.example"}),
        ("proxy_set_header Host $host;", "proxy_set_header X-A b;", {"host": "my_app", "x-a": "b"}),
        ("proxy_set_header Host $host;", "", {"host": "www.shop.example"}),
        (
            "",
            "proxy_set_header Host $host:$server_port; proxy_set_header X-Forwarded-Proto $scheme;",
            {"x-forwarded-proto": "https"},
        ),
        ("set $front a.example;", "proxy_set_header Host $front;", {"host": "a.example"}),
        ("", 'proxy_set_header Host "";', {"host": ""}),
    ],
)
def test_the_headers_that_nginx_sends(tmp_path: Path, server: str, location: str, sent: dict[str, str]) -> None:
    """Its default, its variables, and one line within that replaces all lines around it."""
    text = f"""upstream my_app {{ server 127.0.0.1:8000; }}
        server {{ listen 8443 ssl; server_name shop.example *.shop.example; {server}
        location / {{ proxy_pass http://my_app; {location} }} location /static/ {{ alias /srv/; }} }}"""
    root = read(tmp_path, text)
    request = nginx_headers.Request("https", "www.shop.example:8443", "/x")
    found = nginx_headers.sent(root, nginx_servers.servers(root)[0], request)
    assert found is not None
    assert {name: item.value for name, item in found.items()} == sent
    assert all(item.file.endswith("nginx.conf") and item.line for item in found.values())
    assert nginx_headers.sent(root, nginx_servers.servers(root)[0], request._replace(path="/static/x")) is None


IPV6 = """
    server { listen 80; server_name v4.example; }
    server { listen [::]:80; server_name v6.example "[2001:db8::7]"; }
    server { listen [::1]:8080; server_name loop.example; }
    server { listen [::]:8080; server_name every.example; }
    server { listen 127.0.0.1:8081; server_name inner.example; }
    server { listen 8081; server_name outer.example; }
"""


@pytest.mark.parametrize(
    ("url", "host", "name"),
    [
        ("http://[::1]/", "", "v6.example"),
        ("http://127.0.0.1/", "", "v4.example"),
        ("http://127.0.0.1/", "[2001:db8::7]", "v4.example"),
        ("http://[2001:db8::7]/", "", "v6.example"),
        ("http://site.test/", "[2001:db8::7]:80", "v6.example"),
        ("http://[0:0:0:0:0:0:0:1]:8080/", "other.example:8080", "loop.example"),
        ("http://[2001:db8::7]:8080/", "loop.example", "every.example"),
        ("http://user:secret@[::1]:8080/x?y=[z]", "", "loop.example"),
        ("http://127.0.0.1:8081/", "outer.example", "inner.example"),
        ("http://10.0.0.7:8081/", "inner.example", "outer.example"),
    ],
)
def test_the_server_that_answers_a_check(tmp_path: Path, url: str, host: str, name: str) -> None:
    """By the address that is asked, of either family, and by the Host, whose port is no part of its name."""
    found = nginx_servers.answering_check(read(tmp_path, IPV6), url, host)
    assert found is not None
    assert nginx_servers.names(found.server)[0] == name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("shop.example:8443", "shop.example"),
        ("[::1]:8000", "[::1]"),
        ("[::1]", "[::1]"),
        ("shop.example:", "shop.example"),
    ],
)
def test_the_name_in_a_host(host: str, name: str) -> None:
    """As nginx reads it: the port goes, brackets stay."""
    assert nginx_servers.host_name(host) == name


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("http://[::1]:8000", "[::1]:8000"),
        ("http://[::1]:8000/api/", "[::1]:8000"),
        ("http://[::1]", "[::1]:80"),
        ("https://[2001:db8::7]/x", "[2001:db8::7]:443"),
        ("http://app", "[::1]:8001"),
        ("http://$up", "[::1]:8002"),
    ],
)
def test_upstreams_of_ipv6(tmp_path: Path, written: str, dialled: str) -> None:
    """In proxy_pass, in a group of servers, and by way of a variable; a gunicorn that binds it is recognised."""
    groups = "upstream app { server [::1]:8001; }"
    root = read(tmp_path, f"{groups} server {{ set $up [::1]:8002; location / {{ proxy_pass {written}; }} }}")
    found = nginx_locations.proxied_locations(root)[0]["addresses"]
    assert found == [dialled]
    assert upstream_address.same_address(found[0], gunicorn_config.parse_bind(found[0]))
    assert nginx_locations.with_port("[::1]") == "[::1]:80"


def test_the_host_that_an_ipv6_upstream_gets(tmp_path: Path) -> None:
    """nginx's $proxy_host and $host keep the brackets."""
    passing = "proxy_pass http://[::1]:8000;"
    lines = f"location / {{ {passing} }} location /h {{ {passing} proxy_set_header Host $host; }}"
    root = read(tmp_path, f"server {{ listen [::]:80; {lines} }}")
    assert nginx_headers.handed_on(root, {"url": "http://[::1]/"})[0] == "[::1]:8000"
    assert nginx_headers.handed_on(root, {"url": "http://[::1]:80/h"})[0] == "[::1]"
