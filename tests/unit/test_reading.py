"""Reading systemd's, gunicorn's and nginx's own words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge, refusals
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    nginx_locations,
)
from ansible_collections.rescue502.django.plugins.module_utils.system import environment_file, http_client, systemd


def test_environment_file() -> None:
    """Comments, quotes, continuations and text that is none."""
    text = "# note\nA=1\nB='two words'\nC=\"x\"\n; other\n D = spaced \nE=a\\\nb\nnot an assignment\n"
    assert environment_file.parse(text) == {"A": "1", "B": "two words", "C": "x", "D": "spaced", "E": "ab"}


def test_exec_argv() -> None:
    """The words of ExecStart as systemctl shows them."""
    shown = "{ path=/v/bin/gunicorn ; argv[]=/v/bin/gunicorn a.wsgi -b unix:/run/a.sock ; ignore_errors=no ; pid=1 }"
    assert systemd.exec_argv(shown) == ["/v/bin/gunicorn", "a.wsgi", "-b", "unix:/run/a.sock"]
    assert systemd.exec_argv("") == []


@pytest.mark.parametrize(
    ("words", "app", "bind"),
    [
        (
            "/v/bin/gunicorn shop.wsgi:application --bind 127.0.0.1:8000 --workers 2",
            "shop.wsgi:application",
            ["127.0.0.1:8000"],
        ),
        ("/v/bin/gunicorn -w 3 --bind=unix:/run/s.sock shop.wsgi", "shop.wsgi", ["unix:/run/s.sock"]),
        ("/v/bin/python -m gunicorn shop.asgi:app -k x.Worker", "shop.asgi:app", ["127.0.0.1:8000"]),
        ("/v/bin/gunicorn --bind :9 $OPTIONS shop.wsgi $NOTHING", "shop.wsgi", [":9"]),
        ("/v/bin/gunicorn --bind :9 --unknown x shop.wsgi", "", [":9"]),
        ("/v/bin/uvicorn shop.asgi:app --host 0.0.0.0 --port 9000", "shop.asgi:app", ["0.0.0.0:9000"]),
        ("/v/bin/uvicorn shop.asgi:app --log-level info --port 9000", "shop.asgi:app", ["127.0.0.1:9000"]),
        ("/v/bin/daphne -e tcp:port=9 --nobody-knows a.b:c shop.asgi:app", "", ["0.0.0.0:9"]),
        ("/v/bin/gunicorn shop.wsgi -b $HOST:${PORT}", "shop.wsgi", ["10.0.0.1:81"]),
    ],
)
def test_gunicorn_command_line(words: str, app: str, bind: list[str]) -> None:
    """The app and its addresses, whatever stands around them."""
    environment = {"HOST": "10.0.0.1", "PORT": "81", "OPTIONS": "--umask 007 -n 'a shop'"} if "$" in words else {}
    config = gunicorn_config.parse(words.split(), environment, "/")
    assert (config.app, config.bind) == (app, bind)


def test_gunicorn_configuration_file(tmp_path: Path) -> None:
    """Literals of gunicorn.conf.py count, computed values do not, the command line wins."""
    (tmp_path / "gunicorn.conf.py").write_text(
        "bind = ['unix:/a', '[::1]:7']\nwsgi_app = 'x.wsgi'\nworkers = f()\ntimeout = 90\n"
    )
    config = gunicorn_config.parse(["/v/bin/gunicorn"], {}, str(tmp_path))
    assert (config.app, config.bind, config.timeout) == ("x.wsgi", ["unix:/a", "[::1]:7"], 90.0)
    config = gunicorn_config.parse(["/v/bin/gunicorn", "-b", ":9", "y.wsgi"], {}, str(tmp_path))
    assert (config.app, config.bind) == ("y.wsgi", [":9"])
    doubtful = gunicorn_config.parse(["/v/bin/gunicorn", "--unknown", "y.wsgi"], {}, str(tmp_path))
    assert (doubtful.app, doubtful.timeout) == ("", 90.0)


def test_gunicorn_options_in_a_variable_of_its_own() -> None:
    """GUNICORN_CMD_ARGS: the command line wins, and the app is never there."""
    environment = {"GUNICORN_CMD_ARGS": "--bind :7 --umask 007 -e A=1 other.wsgi"}
    config = gunicorn_config.parse(["/v/bin/gunicorn", "shop.wsgi", "-b", ":9"], environment, "/")
    assert (config.app, config.bind, config.environment) == ("shop.wsgi", [":9"], {"A": "1"})
    config = gunicorn_config.parse(["/v/bin/gunicorn"], {"GUNICORN_CMD_ARGS": "other.wsgi '"}, "/")
    assert config.app == ""


def test_an_address_that_cannot_be_read_is_not_guessed(tmp_path: Path) -> None:
    """A missing folder or file, a broken or computing one: the default may not be what the app listens on."""
    (tmp_path / "broken.py").write_text("bind = 'unix:/a'\n(")
    (tmp_path / "computes.py").write_text("bind = 'unix:/run/%s' % name\n")
    for words in ("-c broken.py", "-c computes.py", "-c missing.py", "-c python:a.b"):
        assert gunicorn_config.parse(["/v/bin/gunicorn", *words.split()], {}, str(tmp_path)).bind == [], words
    assert gunicorn_config.parse(["/v/bin/gunicorn"], {}, str(tmp_path / "missing")).bind == []
    assert gunicorn_config.parse(["/v/bin/gunicorn"], {}, str(tmp_path)).bind == [gunicorn_config.DEFAULT_BIND]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8000", ("tcp", "127.0.0.1", 8000, "")),
        (":9", ("tcp", "0.0.0.0", 9, "")),
        ("[::1]:7", ("tcp", "::1", 7, "")),
        ("unix:/run/a.sock", ("unix", "", 0, "/run/a.sock")),
        ("localhost", ("tcp", "localhost", 8000, "")),
    ],
)
def test_bind(text: str, expected: tuple[str, str, int, str]) -> None:
    """Addresses as gunicorn writes them."""
    bind = gunicorn_config.parse_bind(text)
    assert (bind["kind"], bind["host"], bind["port"], bind["path"]) == expected


def test_nginx(tmp_path: Path) -> None:
    """Includes, comments, quotes, upstream groups and nested locations."""
    (tmp_path / "site").write_text(
        "upstream app { server unix:/run/a.sock fail_timeout=0; server 127.0.0.1:9; }\n"
        'server { listen 443 ssl; listen [::]:80; server_name a.example "b.example"; # } comment\n'
        "  location /static/ { alias /srv/static/; }\n"
        "  location /api/ { location ~ ^/api/x { proxy_pass http://app; } }\n"
        "  location / { proxy_pass http://localhost:8000/; } }\n"
    )
    (tmp_path / "nginx.conf").write_text("user www; http { include site; include missing/*; }")
    root, files = nginx_config.load(str(tmp_path / "nginx.conf"))
    assert len(files) == 2
    api, rest = nginx_locations.proxied_locations(root)
    assert api["addresses"] == ["unix:/run/a.sock", "127.0.0.1:9"]
    assert (rest["path"], rest["addresses"], rest["server_names"]) == (
        "/",
        ["localhost:8000"],
        ["a.example", "b.example"],
    )
    assert rest["tls"] == ["443"]
    static = nginx_locations.static_locations(root)
    assert static == [{"path": "/static/", "folder": "/srv/static/", "file": str(tmp_path / "site")}]


@pytest.mark.parametrize(
    ("listen", "tls", "url"),
    [
        ("80", False, "http://127.0.0.1:80"),
        ("443", True, "https://127.0.0.1:443"),
        ("[::]:80", False, "http://[::1]:80"),
        ("*:8080", False, "http://127.0.0.1:8080"),
        ("10.1.2.3:80", False, "http://10.1.2.3:80"),
        ("unix:/run/x", False, ""),
    ],
)
def test_listen_address(listen: str, tls: bool, url: str) -> None:
    """Where the edge is reached from the host itself."""
    assert edge._base_url(listen, tls) == url


def test_nginx_locations_of_all_kinds(tmp_path: Path) -> None:
    """Groups with backups, sockets with a URI behind them, variables, ports left out, limits from outer contexts."""
    config = tmp_path / "nginx.conf"
    config.write_text("""
        user web;
        http {
            proxy_read_timeout 1m30s;
            include conf.d/*.conf;
            upstream app { server unix:/run/a.sock fail_timeout=0; server 10.0.0.2 backup; server 10.0.0.3:1 down; }
            server {
                set $up http://127.0.0.1:8000;
                proxy_buffer_size 8k;
                location / { proxy_pass http://app; }
                location /b/ { proxy_pass http://unix:/run/b.sock:/uri/; proxy_read_timeout 500ms; }
                location /c/ { proxy_pass $up; }
                location /d/ { proxy_pass $unknown; }
                set $port 8001;
                location /e/ { proxy_pass http://127.0.0.1:${port}$request_uri; }
                location /f/ { proxy_pass http://$chosen/$1; }
                location /g/ { proxy_pass http://unix:/run/b.sock:$request_uri; }
                location /h/ { proxy_pass http://$host:8000; }
                set $colour app;
                if ($cookie_next) { set $colour 127.0.0.1:8002; }
                location /i/ { proxy_pass http://$colour; }
            }
            map $host $chosen { hostnames; default 127.0.0.1:8003; *.b.example "[::1]:8004"; ~^(.*)\\.c$ $1:80; }
        }""")
    (tmp_path / "conf.d").mkdir()
    root, _files = nginx_config.load(str(config))
    found = {item["path"]: item for item in nginx_locations.proxied_locations(root)}
    assert found["/"]["addresses"] == ["unix:/run/a.sock", "10.0.0.2:80"]
    assert found["/"]["backups"] == ["10.0.0.2:80"]
    assert found["/b/"]["addresses"] == ["unix:/run/b.sock"]
    assert found["/c/"]["addresses"] == ["127.0.0.1:8000"]
    assert found["/d/"]["addresses"] == found["/h/"]["addresses"] == []
    assert found["/e/"]["addresses"] == ["127.0.0.1:8001"]
    assert found["/f/"]["addresses"] == ["127.0.0.1:8003", "[::1]:8004"]
    assert found["/g/"]["addresses"] == ["unix:/run/b.sock"]
    assert found["/i/"]["addresses"] == ["unix:/run/a.sock", "10.0.0.2:80", "127.0.0.1:8002"]
    assert (found["/"]["read_timeout"], found["/b/"]["read_timeout"]) == (90.0, 0.5)
    assert (found["/"]["buffer_size"], found["/"]["buffer_size_file"]) == (8192, str(config))
    assert nginx_config.included_folders(root, str(tmp_path)) == [str(tmp_path / "conf.d")]


@pytest.mark.parametrize(
    "value", ["plain", "two words", "it's", 'a "b"', "\\b \\n", "100% $x `y`", "a=b", "tab\tline\n"]
)
def test_variables_of_a_unit_are_what_it_was_given(value: str) -> None:
    """`systemctl show` escapes what a shell would obey, and control characters as C does (shell_maybe_quote)."""
    printed = re.sub(r'(["\\$`])', r"\\\1", value).replace("\t", "\\t").replace("\n", "\\n")
    quoted = f'"X={printed}"' if re.search(r"[\s\"'\\$`]", value) else f"X={value}"
    assert systemd.parse_environment_property(f"A=1 {quoted} B=2") == {"A": "1", "X": value, "B": "2"}


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [
        ("a.example", "/", [(503, "return 503", "if (-f /srv/maintenance)")]),
        ("a.example", "/api/x", [(503, "return 503", "if (-f /srv/maintenance)"), (403, "deny all", "")]),
        ("b.example", "/admin/", [(401, "auth_basic staff", "")]),
        ("b.example", "/open/", []),
        ("b.example", "/exact", [(410, "return 410", "")]),
        ("b.example", "/exactly", []),
    ],
)
def test_what_nginx_refuses(tmp_path: Path, host: str, path: str, found: list[tuple[int, str, str]]) -> None:
    """Returns of errors, access rules and passwords, of the server and the locations that may take the path."""
    config = tmp_path / "nginx.conf"
    config.write_text("""
        http {
            server {
                server_name a.example www.a.example;
                if (-f /srv/maintenance) { return 503; }
                location / { return 301 https://b.example$request_uri; }
                location ^~ /api/ { allow 10.0.0.0/8; deny all; }
            }
            server {
                server_name b.example;
                location ~ ^/(admin|staff)/ { auth_basic "staff"; proxy_pass http://127.0.0.1:8000; }
                location /open/ { auth_basic off; }
                location = /exact { return 410; }
            }
        }""")
    root, _files = nginx_config.load(str(config))
    reported = refusals.configured(root, host, path)
    assert [(item["status"], item["words"], item["condition"]) for item in reported] == found


@pytest.mark.parametrize(
    ("url", "host", "status", "headers", "loops"),
    [
        ("https://127.0.0.1/api/", "a.example", 301, {"location": "https://a.example/api/"}, True),
        ("https://127.0.0.1/api/?x=1", "a.example", 302, {"location": "/api/?x=1"}, True),
        ("http://127.0.0.1/", "a.example", 301, {"location": "https://a.example/"}, False),
        ("https://127.0.0.1/api", "a.example", 301, {"location": "/api/"}, False),
        ("https://a.example", "", 308, {"location": "https://a.example/"}, True),
        ("https://a.example/", "", 302, {"location": "/", "set-cookie": "seen=1"}, False),
        ("https://a.example/", "", 200, {"location": "/"}, False),
    ],
)
def test_a_redirect_to_itself_is_reported(
    url: str, host: str, status: int, headers: dict[str, str], loops: bool
) -> None:
    """The same scheme, name, path and query; a cookie may make the next answer another one."""
    assert http_client.loops(url, host, {"status": status, "headers": headers}) == loops
