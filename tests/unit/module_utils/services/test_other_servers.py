"""Where servers other than gunicorn listen, by their command lines: the same letters mean different things to each."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config


@pytest.mark.parametrize(
    ("line", "bind", "app"),
    [
        ("daphne -b 127.0.0.1 -p 8017 shop.asgi:application", ["127.0.0.1:8017"], "shop.asgi:application"),
        ("daphne -p 8017 shop.asgi:application", ["127.0.0.1:8017"], "shop.asgi:application"),
        ("daphne --bind=0.0.0.0 --port=81 shop.asgi:app", ["0.0.0.0:81"], "shop.asgi:app"),
        ("daphne -u /run/shop/daphne.sock shop.asgi:app", ["unix:/run/shop/daphne.sock"], "shop.asgi:app"),
        ("daphne -e tcp:port=82:interface=10.0.0.1 shop.asgi:app", ["10.0.0.1:82"], "shop.asgi:app"),
        ("daphne --endpoint unix:/run/d.sock shop.asgi:app", ["unix:/run/d.sock"], "shop.asgi:app"),
        ("daphne shop.asgi:app", ["127.0.0.1:8000"], "shop.asgi:app"),
        ("hypercorn -b 127.0.0.1:8017 -p /run/pid shop.asgi:app", ["127.0.0.1:8017"], "shop.asgi:app"),
        ("uvicorn shop.asgi:app --host 127.0.0.1 --port 83", ["127.0.0.1:83"], "shop.asgi:app"),
        (
            "uwsgi --http-socket 127.0.0.1:84 -p 4 --module shop.wsgi:application",
            ["127.0.0.1:84"],
            "shop.wsgi:application",
        ),
        ("uwsgi -s /run/shop.sock -w shop.wsgi:app --master", ["/run/shop.sock"], "shop.wsgi:app"),
        ("uwsgi --master --processes 4", [], ""),
        ("uwsgi -s /run/shop.sock --module shop.wsgi", ["/run/shop.sock"], "shop.wsgi:application"),
        ("uwsgi -s /run/shop.sock --module shop.wsgi --callable app", ["/run/shop.sock"], "shop.wsgi:app"),
        ("uwsgi -s /run/s.sock --chdir /srv/shop --wsgi-file shop/wsgi.py", ["/run/s.sock"], "shop.wsgi:application"),
        ("uwsgi -s /run/s.sock --chdir /srv/shop --wsgi-file /srv/shop/wsgi.py", ["/run/s.sock"], "wsgi:application"),
        ("uwsgi -s /run/s.sock --chdir /srv/shop --wsgi-file /opt/wsgi.py", ["/run/s.sock"], ""),
        ("uvicorn shop.asgi:app --fd 3", ["fd://3"], "shop.asgi:app"),
        ("uvicorn --header Server:none --log-config logs:conf shop.asgi:app", ["127.0.0.1:8000"], "shop.asgi:app"),
        # Its file is not there to be read.
        ("hypercorn -c hypercorn.toml shop.asgi:app", [], "shop.asgi:app"),
        ("hypercorn -c python:shop.server -b 127.0.0.1:86 shop.asgi:app", ["127.0.0.1:86"], "shop.asgi:app"),
    ],
)
def test_other_servers(line: str, bind: list[str], app: str) -> None:
    """Their address and their app."""
    config = gunicorn_config.parse([f"/venv/bin/{line.split()[0]}", *line.split()[1:]], {}, "/")
    assert (config.bind, config.app) == (bind, app)


def test_uwsgis_own_file(tmp_path: Path) -> None:
    """What it names counts; where it names no address, none is made up."""
    file = tmp_path / "shop.ini"
    file.write_text(
        "[uwsgi]\nhome = /srv/venv/\nsocket = :85\nmodule = shop.wsgi:application\nchdir = /srv/shop\n",
        encoding="utf-8",
    )
    config = gunicorn_config.parse(["/usr/bin/uwsgi", "--ini", str(file)], {}, "/")
    assert (config.bind, config.app, config.chdir) == (["0.0.0.0:85"], "shop.wsgi:application", "/srv/shop")
    assert config.virtualenv == "/srv/venv"


@pytest.mark.parametrize(
    ("given", "bind", "app"),
    [
        ({"UVICORN_PORT": "8017"}, ["127.0.0.1:8017"], "shop.asgi:app"),
        ({"UVICORN_HOST": "0.0.0.0", "PORT": "9"}, ["0.0.0.0:8000"], "shop.asgi:app"),
        ({"UVICORN_UDS": "/run/shop.sock"}, ["unix:/run/shop.sock"], "shop.asgi:app"),
        ({"UVICORN_FD": "3"}, ["fd://3"], "shop.asgi:app"),
        ({"UVICORN_APP": "other.asgi:app"}, ["127.0.0.1:8000"], "shop.asgi:app"),
        ({"PORT": "9"}, ["127.0.0.1:8000"], "shop.asgi:app"),
    ],
)
def test_uvicorns_own_variables(given: dict[str, str], bind: list[str], app: str) -> None:
    """Each option can be given so; a word of the command line wins. PORT is gunicorn's alone."""
    config = gunicorn_config.parse(["/venv/bin/uvicorn", app], given, "/")
    assert (config.bind, config.app) == (bind, app)
    assert gunicorn_config.parse(["/venv/bin/uvicorn"], given, "/").app == given.get("UVICORN_APP", "")
    assert (
        gunicorn_config.parse(["/venv/bin/uvicorn", app, "--port", "87"], given, "/")
        .bind[0]
        .endswith(":87" if "UVICORN_UDS" not in given and "UVICORN_FD" not in given else bind[0])
    )


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ('bind = "127.0.0.1:8017"\nworkers = 2\n', ["127.0.0.1:8017"]),
        ('bind = ["unix:/run/a.sock", "[::]:81"]\n', ["unix:/run/a.sock", "[::]:81"]),
        ("workers = 2\n", ["127.0.0.1:8000"]),
        ("bind = \n", []),
    ],
)
def test_hypercorns_own_file(tmp_path: Path, text: str, bind: list[str]) -> None:
    """What it says counts; where it cannot be read the address is unknown, and not the usual one."""
    (tmp_path / "hypercorn.toml").write_text(text, encoding="utf-8")
    words = ["/venv/bin/hypercorn", "-c", "hypercorn.toml", "shop.asgi:app"]
    assert gunicorn_config.parse(words, {}, str(tmp_path)).bind == bind
    assert gunicorn_config.parse([*words, "-b", "127.0.0.1:82"], {}, str(tmp_path)).bind == ["127.0.0.1:82"]
