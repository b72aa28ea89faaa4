"""When the app is not started for trial: where it could do harm, or would be more than a start of its unit."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import shadow_start, trial_command
from ansible_collections.rescue502.django.plugins.module_utils.run import commands, run_processes
from ansible_collections.rescue502.django.plugins.module_utils.stack import others_at_work

COMMAND = "{ path=/srv/shop/venv/bin/gunicorn ; argv[]=/srv/shop/venv/bin/gunicorn shop.wsgi ; ignore_errors=no ; }"
SHOWN = {
    "LoadState": "loaded", "FragmentPath": "/etc/systemd/system/shop.service", "ExecStart": COMMAND, "User": "shop",
    "ExecStartEx": COMMAND.replace("ignore_errors=no", "flags="), "NeedDaemonReload": "no", "DynamicUser": "no",
}  # fmt: skip
OTHER = {"what": "git pull", "where": "/srv/shop", "pid": 1}


def stack(**properties: str) -> Any:
    """An app whose unit has these properties besides the usual ones."""
    server = SimpleNamespace(daemon=False, config_file="")
    return SimpleNamespace(
        unit="shop.service", root="/srv/shop", venv="/srv/shop/venv", cwd="/srv/shop", python="/usr/bin/python3",
        user="shop", env_files=[], environment={}, server=server, properties={**SHOWN, **properties},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(others_at_work, "find", lambda _app: [])
    monkeypatch.setattr(shadow_start, "_available_mib", lambda: 4000)


def why_not(given: Any) -> str:
    try:
        shadow_start.require_possible(given)
    except shadow_start.NotTriedError as error:
        return str(error)
    return ""


def test_the_usual_unit_is_tried() -> None:
    """Nothing speaks against it."""
    assert why_not(stack()) == ""
    assert why_not(stack(RestrictAddressFamilies="AF_INET AF_UNIX")) == ""
    assert why_not(stack(RestrictAddressFamilies="~AF_NETLINK")) == ""


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"LoadState": "masked"}, "no unit file"),
        ({"FragmentPath": ""}, "no unit file"),
        ({"NeedDaemonReload": "yes"}, "has not read"),
        ({"ExecStart": ""}, "more than one program"),
        ({"ExecStart": f"{COMMAND}\n{COMMAND}"}, "more than one program"),
        ({"ExecStart": COMMAND.replace("path=/srv/shop/venv/bin/gunicorn", "path=/bin/sh")}, "under another name"),
        ({"ExecStartEx": COMMAND.replace("ignore_errors=no", "flags=privileged")}, "more than its account"),
        ({"DynamicUser": "yes"}, "an account for each start"),
        ({"RestrictAddressFamilies": "AF_INET AF_INET6"}, "Unix sockets"),
        ({"RestrictAddressFamilies": "~AF_UNIX"}, "Unix sockets"),
    ],
)
def test_a_unit_for_which_it_would_be_more_or_less_than_a_start(properties: dict[str, str], words: str) -> None:
    """Each is said in words."""
    assert words in why_not(stack(**properties))


def test_where_it_could_do_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others at work, too little memory, root for what others can write, no root at all."""
    monkeypatch.setattr(commands, "refusal", lambda *_words: "others can write /srv/shop")
    assert why_not(stack(User="")) == "others can write /srv/shop"
    assert why_not(stack()) == ""
    monkeypatch.setattr(others_at_work, "find", lambda _app: [OTHER])
    assert why_not(stack()) == "git pull is at work on /srv/shop"
    # The look's own git and psql, that is.
    monkeypatch.setattr(run_processes, "is_started_by_us", lambda pid: pid == OTHER["pid"])
    assert why_not(stack()) == ""
    monkeypatch.setattr(shadow_start, "_available_mib", lambda: 50)
    assert "memory" in why_not(stack())
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "may not start units" in why_not(stack())


def test_a_variable_alone_becomes_its_words_and_no_more() -> None:
    """As systemd splits it; a dollar in its value is none."""
    words = trial_command._expanded(["gunicorn", "$OPTIONS", "${NAME}", "a$b"], {"OPTIONS": "--threads 4 $HOME"})
    assert words == ["gunicorn", "--threads", "4", "$$HOME", "${NAME}", "a$b"]
