"""The command line of a shadow start of uWSGI: nothing of its own is opened, written or started twice."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import uwsgi_command

SOCKET, COPY = "/run/rescue502-trial-7/socket", "/run/rescue502-trial-7.ini"
OWN = f"--http-socket {SOCKET} --processes 1 --disable-logging"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("--http-socket 127.0.0.1:8000 --module shop.wsgi --master", "--module shop.wsgi --master"),
        ("-s :3031 -w shop.wsgi -p 4 -M -H /venv", "-w shop.wsgi -M -H /venv"),
        ("-s:3031 -p4 -C660 --module=shop.wsgi", "--module=shop.wsgi"),
        ("--chmod-socket=660 --chmod-socket --socket=/run/a.sock --need-app", "--need-app"),
        ("--pidfile /run/a.pid --daemonize /var/log/a --cheaper 2 --stats :9 --env A=b", "--env A=b"),
        ("--attach-daemon worker --mule=a.py --spooler /srv/spool --listen 4096", "--listen 4096"),
        ("--colour red shop.py", "--colour red shop.py"),
    ],
)
def test_all_else_stays(words: str, kept: str) -> None:
    """In its order, whether we know it or not."""
    options, file = uwsgi_command.for_trial(words.split(), SOCKET, COPY, by_uwsgi=False)
    assert (" ".join(options), file) == (f"{kept} {OWN}", "")


@pytest.mark.parametrize("words", ["--ini uwsgi.ini", "--ini=uwsgi.ini", "uwsgi.ini"])
def test_a_file_is_named_by_its_copy(words: str) -> None:
    """Before all else, as what stands behind it takes precedence."""
    options, file = uwsgi_command.for_trial([*words.split(), "--lazy"], SOCKET, COPY, by_uwsgi=True)
    assert file == "uwsgi.ini"
    assert " ".join(options) == f"--ini {COPY} --lazy {OWN.replace('http-', '')}"


def test_the_file_without_what_is_the_running_ones() -> None:
    """Comments are left out too, for they may hold what uWSGI would put in."""
    text = (
        "[uwsgi]\n# 5 %s\nhttp-socket = :80\nchdir=%d\nmodule = %n.wsgi\nuid = shop\nprocesses=4\n"
        "log-format = %(method)\nlogto = /var/log/shop\nstatic-map = /s=%%\npidfile=/run/a\n"
    )
    assert uwsgi_command.changed(text, "/srv/shop/shop.ini") == (
        "[uwsgi]\nchdir=/srv/shop/\nmodule = shop.wsgi\nuid = shop\nlog-format = %(method)\nstatic-map = /s=%%\n"
    )


@pytest.mark.parametrize(
    "words",
    ["--ini a.ini --ini b.ini", "--ini http://a/b.ini", "--ini a.ini:prod", "--yaml a.yml", "a.json", "-Mp4",
     "--emperor /etc/uwsgi", "--ini"],
)  # fmt: skip
def test_what_may_start_anything_is_not_tried(words: str) -> None:
    """What is read elsewhere, or can be read in two ways."""
    with pytest.raises(ValueError, match=r"uWSGI|known|configured"):
        uwsgi_command.for_trial(words.split(), SOCKET, COPY, by_uwsgi=False)


@pytest.mark.parametrize("line", ["ini = other.ini", "emperor = /etc/vassals", "include=a", "chdir = %c"])
def test_a_file_that_reads_others(line: str) -> None:
    """And one with a variable of uWSGI's that we do not know."""
    with pytest.raises(ValueError, match=r"uWSGI reads|not known"):
        uwsgi_command.changed(f"[uwsgi]\n{line}\n", "/srv/shop/shop.ini")
