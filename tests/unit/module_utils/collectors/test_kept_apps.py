"""What an app said at its last start that a user's own systemd, or uWSGI's Emperor, keeps: by their real journals."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import kept_apps
from ansible_collections.rescue502.django.plugins.module_utils.system.journal import Entry

# (process, start, message) of systemd 252's user manager and of gunicorn 23.
OF_USER = """482 5ca861 [2026-11-28 22:47:34 +0000] [482] [INFO] Starting gunicorn 23.0.0
482 5ca861 [2026-11-28 22:47:34 +0000] [482] [INFO] Listening at: http://127.0.0.1:8000 (482)
484 5ca861 Traceback (most recent call last):
484 5ca861 ModuleNotFoundError: No module named 'nothing'
482 5ca861 [2026-11-28 22:47:35 +0000] [482] [ERROR] Shutting down: Master
482 5ca861 [2026-11-28 22:47:35 +0000] [482] [ERROR] Reason: Worker failed to boot."""
BEFORE = """445 c0cab0 [2026-11-28 22:47:34 +0000] [445] [INFO] Starting gunicorn 23.0.0
450 c0cab0 ImportError: of the start before
445 c0cab0 [2026-11-28 22:47:35 +0000] [445] [INFO] Handling signal: term"""
OF_MANAGER = """1 - Stopped shop.service.
1 - Started shop.service.
1 - shop.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED
1 - shop.service: Failed with result 'exit-code'."""
# uWSGI 2.0.21.
OF_EMPEROR = """634 8a7adc [uWSGI] getting INI configuration from /etc/uwsgi-emperor/emperor.ini
611 8a7adc [uWSGI] getting INI configuration from shop.ini
611 8a7adc ModuleNotFoundError: No module named 'earlier'
635 8a7adc Sat Nov 28 22:47:36 2026 - [emperor] curse the uwsgi instance shop.ini (pid: 611)
636 8a7adc [uWSGI] getting INI configuration from shop.ini
640 8a7adc [uWSGI] getting INI configuration from blog.ini
636 8a7adc ModuleNotFoundError: No module named 'nothing'
636 8a7adc unable to load app 0 (mountpoint='') (callable not found or import error)
636 8a7adc *** no app loaded. GAME OVER ***
640 8a7adc ImportError: of the neighbour
635 8a7adc Sat Nov 28 22:47:40 2026 - [emperor] curse the uwsgi instance shop.ini (pid: 636)"""
APP: dict[str, Any] = {
    "manager": "systemd-user", "name": "shop.service", "state": "does not run", "pid": 0, "config": "", "unit": "",
    "kept": True, "account": "deploy", "unreached": "", "binds": ["127.0.0.1:8000"],
}  # fmt: skip


def entries(text: str) -> list[Entry]:
    """The journal's entries of these lines."""
    words = [line.split(" ", 2) for line in text.splitlines()]
    return [Entry(float(when), message, pid, start) for when, (pid, start, message) in enumerate(words)]


def test_the_last_start_of_a_unit() -> None:
    """Nothing of the one before, and all processes of it."""
    said = kept_apps.parse_last_start(entries(f"{BEFORE}\n{OF_USER}"))
    assert said.splitlines() == [line.split(" ", 2)[2] for line in OF_USER.splitlines()]
    assert kept_apps.parse_last_start([]) == ""


def test_the_last_start_of_a_vassal() -> None:
    """From where it read its file again; of several in one log only the process that is known."""
    said = kept_apps.parse_vassal(entries(OF_EMPEROR), "shop.ini", "")
    assert "No module named 'nothing'" in said
    assert "earlier" not in said
    alone = kept_apps.parse_vassal(entries(OF_EMPEROR), "shop.ini", "636")
    assert alone.splitlines()[1:] == [
        "ModuleNotFoundError: No module named 'nothing'",
        "unable to load app 0 (mountpoint='') (callable not found or import error)",
        "*** no app loaded. GAME OVER ***",
    ]
    assert kept_apps.parse_vassal(entries(OF_EMPEROR), "shop.ini", "0") == ""


def looked_at(monkeypatch: pytest.MonkeyPatch, status: int, **facts: Any) -> Any:
    """What is found of one app, to whose address nginx sends; status: what it answers there."""
    asked = {"USER_UNIT=shop.service": OF_MANAGER, "_SYSTEMD_USER_UNIT=shop.service": f"{BEFORE}\n{OF_USER}"}
    monkeypatch.setattr(kept_apps.journal, "entries", lambda *words, **_more: entries(asked[words[0]]))
    monkeypatch.setattr(kept_apps.http_client, "ask", lambda _url, **_more: {"status": status})
    place = {"kind": "tcp", "host": "127.0.0.1", "port": 8000, "path": ""}
    monkeypatch.setattr(kept_apps.other_managers, "places", lambda _app: [place])
    location = {"addresses": ["127.0.0.1:8000"], "protocol": "http", "server_names": ["shop.example"]}
    stack: Any = SimpleNamespace(other_managers=[{**APP, **facts}], locations=[location])
    (found,) = kept_apps.collect(stack, 2.0)
    return found


def test_an_app_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own words; not where a person has ended it."""
    found = looked_at(monkeypatch, 200)
    assert (found["status"], found["asked"], found["serves"]) == (0, True, False), "no process is asked"
    assert found["said"] == "ModuleNotFoundError: No module named 'nothing'"
    assert looked_at(monkeypatch, 200, state="exited, ended with status 143")["said"] == ""


def test_an_app_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It serves where it answers without an error of the server's, and what nginx sends gets there."""
    found = looked_at(monkeypatch, 404, pid=482)
    assert (found["status"], found["serves"], found["said"], found["name"]) == (404, True, "", "shop.service")
    assert looked_at(monkeypatch, 500, pid=482)["serves"] is False
    assert looked_at(monkeypatch, 200, pid=482, unreached="another network")["serves"] is False


def test_another_protocol_than_nginx_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the vassal's file."""
    monkeypatch.setattr(kept_apps.uwsgi_emperor, "facts", lambda _path: {"protocol": "uwsgi"})
    monkeypatch.setattr(kept_apps.uwsgi_client, "status", lambda *_words: 200)
    found = looked_at(monkeypatch, 0, manager="uwsgi-emperor", pid=636)
    assert (found["status"], found["serves"]) == (200, False)
    assert found["unreached"] == "it speaks the protocol uwsgi there, and nginx http"
