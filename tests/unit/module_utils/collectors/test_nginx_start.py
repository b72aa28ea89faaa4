"""Why nginx's unit does not start, in the words of systemd 252 on a host whose unit waits for another pid file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import nginx_start
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.system.journal import Entry

MESSAGES = [
    "Starting nginx.service - A high performance web server and a reverse proxy server...",
    "nginx.service: Can't open PID file /run/other.pid (yet?) after start: No such file or directory",
    "nginx.service: start operation timed out. Terminating.",
    "nginx.service: Killing process 774 (nginx) with signal SIGKILL.",
    "nginx.service: Failed with result 'timeout'.",
    "Failed to start nginx.service - A high performance web server and a reverse proxy server.",
]
SHOWN = {
    "Id": "nginx.service",
    "LoadState": "loaded",
    "ActiveState": "failed",
    "Result": "timeout",
    "PIDFile": "/run/other.pid",
    "DropInPaths": "/etc/systemd/system/nginx.service.d/x.conf",
}
VALID = {"valid": True}
ROOT = Directive([""], "", 0, [Directive(["pid", "/run/nginx.pid"], "/etc/nginx/nginx.conf", 3)])


def test_what_failed() -> None:
    """Of systemd's words those that say so, the last ones, and not all of a long one."""
    assert nginx_start.parse_said(MESSAGES) == MESSAGES[-2:]
    assert nginx_start.parse_said([*MESSAGES, *MESSAGES]) == [MESSAGES[-1], *MESSAGES[-2:]]
    assert len(nginx_start.parse_said(["nginx.service: Failed " + "x" * 900])[0]) == 300
    assert nginx_start.parse_said(MESSAGES[:4]) == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands with which nginx is asked within its unit's options; it objects to each."""
    found: list[list[str]] = []

    def objection(_shown: dict[str, str], words: list[str]) -> str:
        found.append(words)
        return "it objects"

    entries = [Entry(1.0, message, "1", "") for message in MESSAGES]
    monkeypatch.setattr(nginx_start.journal, "of_manager", lambda _unit, _seconds, lines: entries[-lines:])
    monkeypatch.setattr(nginx_start.systemd, "exec_words", lambda _shown: ["/usr/sbin/nginx", "-g", "daemon on;"])
    monkeypatch.setattr(nginx_start.nginx_trial, "objection", objection)
    monkeypatch.setattr(nginx_start.required_units, "broken", lambda _shown: [{"name": "var-www.mount"}])
    return found


def test_a_unit_that_waits_for_another_file(asked: list[list[str]]) -> None:
    """Both files are named, and what nginx says with the unit's own options."""
    assert nginx_start.collect(SHOWN, VALID, ROOT, []) == {
        "objection": "it objects",
        "pid_files": ["/run/other.pid", "/run/nginx.pid"],
        "drop_ins": ["/etc/systemd/system/nginx.service.d/x.conf"],
        "dependencies": [],
        "said": MESSAGES[-2:],
    }
    assert asked == [["/usr/sbin/nginx", "-g", "daemon on;", "-t", "-q"]]


def test_the_same_file_by_two_names(asked: list[list[str]], tmp_path: Path) -> None:
    """As /var/run and /run are; and where either names none, they do not differ."""
    (tmp_path / "var-run").symlink_to(tmp_path)
    for wanted, written in ((f"{tmp_path}/var-run/nginx.pid", f"{tmp_path}/nginx.pid"), ("", "/run/a"), ("/run/a", "")):
        root = Directive([""], "", 0, [Directive(["pid", written], "nginx.conf", 3)])
        assert nginx_start.collect({**SHOWN, "PIDFile": wanted}, VALID, root, [])["pid_files"] == []
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("changed", "test", "state"),
    [
        ({"Result": "signal"}, VALID, "said"),
        ({}, {"valid": False}, "said"),
        ({"ActiveState": "inactive", "Result": "success"}, VALID, "dependencies"),
        ({"ActiveState": "active"}, VALID, ""),
        ({"LoadState": "not-found"}, VALID, ""),
    ],
)
def test_nginx_is_not_asked(asked: list[list[str]], changed: dict[str, str], test: Any, state: str) -> None:
    """Where something else ended it, where it is known what it objects to, and where it does not run by intent."""
    found = nginx_start.collect({**SHOWN, **changed}, test, ROOT, [])
    assert (bool(found), asked) == (bool(state), [])
    assert bool(found.get("dependencies")) == (state == "dependencies")


def test_files_that_others_can_write(asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """With them root starts no nginx."""
    monkeypatch.setattr(nginx_start.write_access, "on_the_way", lambda path, _uid: path if "open" in path else "")
    assert nginx_start.collect(SHOWN, VALID, ROOT, ["/etc/nginx/nginx.conf", "/srv/open.conf"])["objection"] == ""
    assert nginx_start.collect(SHOWN, VALID, ROOT, ["/etc/nginx/nginx.conf"])["objection"] == "it objects"
    assert len(asked) == 1
