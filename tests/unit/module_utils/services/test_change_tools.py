"""Command lines that change an app's code, packages or database, and those that look or serve."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import change_tools

CHANGES = {
    "/v/bin/python /v/bin/pip install -r x": "pip install",
    "python3 -m pip --proxy x install y": "pip install",
    "pip3.11 uninstall y": "pip uninstall",
    "uv pip install --python /v x": "uv install",
    "uv sync": "uv sync",
    "poetry --no-interaction install": "poetry install",
    "git -C /srv/shop pull": "git pull",
    "git fetch origin": "git fetch",
    "tar xzf release.tgz": "tar",
    "tar -C /srv/shop -xf release.tar": "tar",
    "/usr/bin/python3.11 -W ignore manage.py migrate": "manage.py migrate",
    "django-admin loaddata x": "manage.py loaddata",
    "bash deploy.sh": "deploy.sh",
    "python3 -m venv /v": "venv",
    "rsync --server -logDtpr . /srv/shop/": "rsync",
}
OTHERS = (
    "git log -p", "git --no-pager diff", "uv run gunicorn shop.wsgi", "poetry run gunicorn shop.wsgi",
    "tar czf x.tgz .", "python manage.py runserver", "python manage.py shell", "bash", "bash -c x", "pip list", "",
    "/v/bin/python /v/bin/gunicorn shop.wsgi", "vim deploy.py",
)  # fmt: skip


@pytest.mark.parametrize("line", CHANGES)
def test_what_changes_something_is_named(line: str) -> None:
    """By the program, its module or script, and the command of it."""
    assert change_tools.named(line.split()) == CHANGES[line]


@pytest.mark.parametrize("line", OTHERS)
def test_what_looks_or_serves_is_not(line: str) -> None:
    """A pager stands for days, a server for months."""
    assert change_tools.named(line.split()) == ""


def test_who_changes_a_database() -> None:
    """psql at a terminal is somebody who looks; from a file or a pipe it restores."""
    assert change_tools.of_database(["psql", "shop"], lambda: False) == ""
    assert change_tools.of_database(["psql", "shop"], lambda: True) == "psql"
    for words in (["-f", "dump.sql"], ["-1qf", "dump.sql"], ["--file=dump.sql"]):
        assert change_tools.of_database(["psql", "shop", *words], lambda: False) == "psql"
    assert change_tools.of_database(["psql", "--field-separator=x"], lambda: False) == ""
    assert change_tools.of_database(["/usr/lib/postgresql/15/bin/pg_restore", "-d", "shop"], lambda: False)
    assert change_tools.is_of_whole_server("pg_upgrade")
    assert not change_tools.is_of_whole_server("psql")
