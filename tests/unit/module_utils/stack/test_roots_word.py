"""What root's own files say of an app, and what of the app's own word counts for nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services.server_config import ServerConfig
from ansible_collections.rescue502.django.plugins.module_utils.stack import roots_word
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
NOBODY = 65534
APPS = """
bind = "unix:/etc/systemd/system/x/app.sock"
pidfile = "/run/nginx.pid"
errorlog = "/etc/shadow"
user = "root"
group = "shadow"
chdir = "/srv/other"
"""


def properties(folder: Path, words: str = "", **more: str) -> dict[str, str]:
    """A unit's, of which the server works in a folder."""
    command = f"/srv/shop/venv/bin/gunicorn {words} shop.wsgi".replace("  ", " ")
    exec_start = f"{{ path=x ; argv[]={command} ; ignore_errors=no ; start_time=[n/a] }}"
    return {"ExecStart": exec_start, "WorkingDirectory": str(folder), "User": "nobody", "Group": "nogroup", **more}


def read(unit: dict[str, str]) -> roots_word.RootsWord:
    """Root's word of a unit."""
    return roots_word.read(unit, systemd.exec_argv(unit["ExecStart"]))


def test_the_apps_configuration_is_not_roots_word(tmp_path: Path) -> None:
    """Root's own file counts; the same file of the app's says nothing, nor do variables in a file of its own."""
    (tmp_path / "gunicorn.conf.py").write_text(APPS, encoding="utf-8")
    (tmp_path / "env").write_text("GUNICORN_CMD_ARGS='--pid /run/sshd.pid'\nHOME=/etc\n", encoding="utf-8")
    files = {"EnvironmentFiles": f"{tmp_path}/env (ignore_errors=no)"}
    word = read(properties(tmp_path, **files))
    assert word.cwd == "/srv/other"
    assert word.paths() == ["/etc/systemd/system/x/app.sock", "/run/sshd.pid", "/etc/shadow"]
    for name in ("gunicorn.conf.py", "env"):
        os.chown(tmp_path / name, NOBODY, -1)
    word = read(properties(tmp_path, **files))
    assert (word.cwd, word.paths()) == (str(tmp_path), [])


def test_the_command_line_is_roots_word(tmp_path: Path) -> None:
    """Paths in it are taken from the working directory; a variable in it only from root's own lines."""
    words = "--bind unix:run/app.sock --pid ${PIDFILE} --error-logfile -"
    (tmp_path / "env").write_text("PIDFILE=/run/nginx.pid\n", encoding="utf-8")
    os.chown(tmp_path / "env", NOBODY, -1)
    given = properties(tmp_path, words, EnvironmentFiles=f"{tmp_path}/env (ignore_errors=no)")
    assert read(given).paths() == [f"{tmp_path}/run/app.sock"]
    given["Environment"] = "PIDFILE=/run/shop.pid"
    assert read(given).paths() == [f"{tmp_path}/run/app.sock", "/run/shop.pid"]


@pytest.mark.parametrize(
    ("unit", "server", "wanted"),
    [
        ({"User": "nobody", "Group": "nogroup"}, ServerConfig(user="root", group="shadow"), ("nobody", "nogroup")),
        ({"User": "nobody"}, ServerConfig(group="shadow"), ("nobody", "nogroup")),
        ({}, ServerConfig(user="nobody", group="daemon"), ("nobody", "daemon")),
        ({"User": "root"}, ServerConfig(), ("root", "root")),
        ({}, ServerConfig(user="nobody"), ("nobody", "nogroup")),
    ],
)
def test_as_whom_the_app_runs(unit: dict[str, str], server: ServerConfig, wanted: tuple[str, str]) -> None:
    """A gunicorn that systemd starts as somebody can become nobody else, whatever its options say."""
    account = roots_word.user(unit, server)
    assert (account, roots_word.group(unit, server, account)) == wanted


def test_locations_that_are_the_apps_by_roots_word(tmp_path: Path) -> None:
    """Not those of another site, at whose address the app says that it listens."""
    file = tmp_path / "site.conf"
    file.touch()
    ours: dict[str, Any] = {"server_names": ["shop"], "addresses": ["unix:/run/shop.sock"], "file": str(file)}
    theirs: dict[str, Any] = {"server_names": ["other"], "addresses": ["unix:/run/other.sock"], "file": str(file)}
    silent, named = (roots_word.RootsWord("/", ServerConfig(bind=bind)) for bind in ([], ["unix:/run/shop.sock"]))
    assert roots_word.locations([theirs], [ours, theirs], set(), silent) == []
    assert roots_word.locations([theirs], [ours, theirs], {"shop"}, named) == []
    assert roots_word.locations([ours], [ours, theirs], {"shop"}, silent) == [ours]
    assert roots_word.locations([ours], [ours, theirs], set(), named) == [ours]
    assert roots_word.locations([ours], [ours], set(), silent) == [ours], "the only site"
    os.chown(file, NOBODY, -1)
    assert roots_word.locations([ours], [ours], {"shop"}, named) == [], "nginx's file is the app's"
