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
