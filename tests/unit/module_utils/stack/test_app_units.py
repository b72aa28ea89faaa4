"""Which units run an app server, by the words that they start."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_units, discovery
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

GUNICORN = "/srv/shop/venv/bin/gunicorn shop.wsgi"
# What a unit starts, and whether that is an app server.
STARTED = {
    GUNICORN: True,
    f"/usr/bin/env {GUNICORN}": True,
    "/srv/shop/venv/bin/python -m gunicorn shop.wsgi": True,
    # As `systemctl show` has it: without the quotes around the line.
    f"/bin/bash -c . /etc/shop.conf && . venv/bin/activate && exec {GUNICORN} -b :8000": True,
    "/bin/sh -c cd /srv/shop; gunicorn shop.wsgi": True,
    f"/bin/bash -lc {GUNICORN}": True,
    f"/bin/sh -c {GUNICORN} --check-config; exec /usr/bin/sleep infinity": False,
    "/bin/sh -c echo gunicorn is not here && systemctl status shop": False,
    "/bin/sh /srv/shop/start.sh": False,
    "/bin/bash": False,
    "": False,
}


@pytest.mark.parametrize("line", STARTED)
def test_what_runs_an_app_server(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The server itself, also as the last command of a line that a shell is given."""
    monkeypatch.setattr(app_units, "commands", lambda: {"shop.service": line.split()})
    assert app_units.names() == (["shop.service"] if STARTED[line] else [])


# Units of PostgreSQL on a host, what the app's unit is ordered behind, and the unit to start it with.
DATABASES = [
    (["postgresql", "postgresql@"], "network.target", "postgresql"),
    (["postgresql", "postgresql@", "postgresql-15"], "postgresql-15.service", "postgresql-15"),
    (["postgresql", "postgresql-15"], "postgresql.service postgresql-15.service", "postgresql"),
    (["postgresql", "postgresql-15"], "postgresql@15-main.service", "postgresql"),
    (["postgresql-14", "postgresql-15"], "postgresql-14.service", "postgresql-14"),
    (["postgresql-14", "postgresql-15"], "", ""),
    (["postgresql-15"], "", "postgresql-15"),
]


@pytest.mark.parametrize(("units", "after", "unit"), DATABASES)
def test_the_databases_unit(monkeypatch: pytest.MonkeyPatch, units: list[str], after: str, unit: str) -> None:
    """Of several the one that root's own unit file names."""
    text = "".join(f"{name}.service enabled\n" for name in units)
    monkeypatch.setattr(systemd, "systemctl", lambda *_words: text)
    assert discovery._database_unit({}, {"After": after}) == unit
    assert discovery._database_unit({"database_unit": "pg"}, {"After": after}) == "pg"
