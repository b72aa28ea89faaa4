"""What nginx 1.22 says of its own configuration, whether it runs with it, and who else is on its ports."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import proxy
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

FAILED = "nginx: configuration file /etc/nginx/nginx.conf test failed\n"
EMERG = "2026/11/28 22:45:41 [emerg] 680#680: "
UNKNOWN = f'{EMERG}unknown directive "proxy_pas" in /etc/nginx/sites-enabled/xamila:15\n{FAILED}'
NO_FILE = (
    f'{EMERG}cannot load certificate "/etc/ssl/none.pem": BIO_new_file() failed (SSL: error:80000002:system library::'
    "No such file or directory:calling fopen(/etc/ssl/none.pem, r) error:10000080:BIO routines::no such file)\n"
    f"{FAILED}"
)
# As an account that is not root.
DENIED = (
    '2026/11/28 22:45:41 [warn] 677#677: the "user" directive makes sense only if the master process runs with '
    "super-user privileges, ignored in /etc/nginx/nginx.conf:1\n"
    f'{EMERG}cannot load certificate key "/etc/nginx/tls/site.key": BIO_new_file() failed (SSL: error:8000000D:system '
    "library::Permission denied:calling fopen(/etc/nginx/tls/site.key, r) error:10080002:BIO routines::system lib)\n"
    f"{FAILED}"
)
WARNING = '2026/11/28 22:45:41 [warn] 694#694: conflicting server name "api.xamila.example" on 0.0.0.0:80, ignored\n'


@pytest.mark.parametrize(
    ("status", "text", "begins", "place"),
    [
        (1, UNKNOWN, f"{EMERG}unknown directive", ("/etc/nginx/sites-enabled/xamila", 15)),
        (1, NO_FILE, f"{EMERG}cannot load certificate", ("", 0)),
        (1, DENIED, f"{EMERG}cannot load certificate key", ("", 0)),
        (127, "nginx: not found\n", "nginx: not found", ("", 0)),
        (0, WARNING, WARNING.strip(), ("", 0)),
        (0, "", "", ("", 0)),
    ],
)
def test_what_nginx_objects_to(status: int, text: str, begins: str, place: tuple[str, int]) -> None:
    """Its own line of all, with the file and line that it names; a warning is no objection."""
    found = proxy.parse_test(status, text)
    assert found["valid"] is (status == 0)
    assert found["message"].startswith(begins)
    assert "\n" not in found["message"]
    assert (found["file"], found["line"]) == place


@pytest.mark.parametrize(
    ("path", "why", "folder"),
    [
        ("/var/log/nginx/error.log", "2: No such file or directory", "/var/log/nginx"),
        ("/var/log/shop/web/access.log", "2: No such file or directory", "/var/log/shop/web"),
        # A folder that is there, and places where root makes nothing that nginx's configuration names.
        ("/var/log/nginx/error.log", "13: Permission denied", None),
        ("/etc/nologin/error.log", "2: No such file or directory", None),
        ("/var/log/../run/nologin/error.log", "2: No such file or directory", None),
    ],
)
def test_the_folder_of_a_log_is_missing(path: str, why: str, folder: str | None) -> None:
    """Below /var/log alone."""
    found = proxy.parse_test(1, f'2026/11/29 02:30:01 [emerg] 355#355: open() "{path}" failed ({why})')
    assert found.get("log_folder") == folder


def judged(monkeypatch: pytest.MonkeyPatch, text: str, was_valid: bool = False, **facts: Any) -> dict[str, Any]:
    """The test of a configuration to which nginx says this; who: its account; me: the id of the one that looks."""
    done: Any = subprocess.CompletedProcess([], 1 if "emerg" in text else 0, "", text)
    if facts.get("fails"):
        monkeypatch.setattr(proxy.nginx_test, "run", lambda *_words: facts["fails"]())
    else:
        monkeypatch.setattr(proxy.nginx_test, "run", lambda *_words: done)
    # Root asks as nobody what others can write.
    monkeypatch.setattr(proxy.commands, "run_as", lambda _account, *_more: done)
    monkeypatch.setattr(proxy.nginx_test, "account", lambda: facts.get("who", "root"))
    monkeypatch.setattr(proxy.nginx_unit, "name", lambda: "nginx.service")
    monkeypatch.setattr(proxy.systemd, "show", lambda _unit: {})
    monkeypatch.setattr(proxy.write_access, "on_the_way", lambda path, _uid: path if "open" in path else "")
    monkeypatch.setattr(proxy, "os", SimpleNamespace(geteuid=lambda: facts.get("me", 0)))
    stack: Any = SimpleNamespace(nginx_files=facts.get("files", ["/etc/nginx/nginx.conf"]))
    return proxy._test(stack, lambda: was_valid)


def test_root_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nginx says counts, a refusal too: root itself is refused nothing by a mode."""
    found = judged(monkeypatch, UNKNOWN)
    assert (found["asked"], found["valid"], found["line"]) == (True, False, 15)
    assert judged(monkeypatch, WARNING)["valid"] is True
    assert judged(monkeypatch, DENIED)["valid"] is False
    assert len(judged(monkeypatch, f"{EMERG}{'x' * 900}")["message"]) == 500


@pytest.mark.parametrize("facts", [{"me": 1000}, {"who": "www-data"}, {"files": ["/srv/open.conf"]}])
def test_who_may_not_read_all_of_it(monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]) -> None:
    """A complaint about anything else counts; else whether nginx itself has taken it, or nothing is known."""
    assert judged(monkeypatch, UNKNOWN, **facts)["valid"] is False
    found = judged(monkeypatch, DENIED, **facts)
    assert isinstance(found["valid"], unread.Unread)
    assert (found["message"], found["file"], found["line"]) == ("", "", 0)
    assert judged(monkeypatch, DENIED, was_valid=True, **facts)["valid"] is True
    assert judged(monkeypatch, "", **facts)["valid"] is True


def test_nginx_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not installed, or does not end in time."""

    def gone() -> None:
        raise FileNotFoundError(2, "No such file or directory", "nginx")

    found = judged(monkeypatch, "", fails=gone)
    assert (found["asked"], found["valid"]) == (False, None)
    assert "nginx" in found["message"]


def test_ports_of_nginx() -> None:
    """80 where a server names none."""
    listens = [["80", "[::]:443"], ["127.0.0.1:8443"], ["203.0.113.7"], []]
    assert proxy.parse_ports([{"listen": words} for words in listens]) == {80, 443, 8443}
    assert proxy.parse_ports([{"listen": ["[::1]:8080"]}]) == {8080}
    assert proxy.parse_ports([{"listen": ["203.0.113.7"]}]) == {80}


PARTS = (
    "answering_server", "cors_lines", "differing_answers", "handed_headers", "nginx_start", "refusals", "served_files",
    "silent_ports", "upstreams",
)  # fmt: skip
LOCATION = {"listen": ["80", "8443"], "server_names": ["a.example"], "addresses": []}


class Nginx:
    """A host with an nginx; `stack` and `shown`, the unit's properties, are set by each test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = folder / "nginx.conf"
        self.config.touch()
        os.utime(self.config, (1000, 1000))
        os.utime(folder, (1000, 1000))
        self.shown = {"Id": "nginx.service", "LoadState": "loaded", "ActiveState": "active", "Result": "success"}
        self.errors: list[dict[str, Any]] = []
        self.processes = [{"pid": 7, "held": "frozen"}, {"pid": 8, "held": ""}]
        self.given: dict[str, Any] = {}
        self.started = 500.0
        self.stack: Any = SimpleNamespace(
            unit="shop.service", properties={}, nginx_root=None, nginx_files=[str(self.config)], nginx_unread=[],
            nginx_folders=[], behind_nginx=True, bind_bar="", locations=[LOCATION], roots_locations=[],
            nginx_user="www-data",
        )  # fmt: skip
        for name in PARTS:
            monkeypatch.setattr(getattr(proxy, name), "collect", lambda *_given: [])
        monkeypatch.setattr(proxy.nginx_limits, "collect", lambda *_given: {"known": [], "reported": []})
        monkeypatch.setattr(proxy.answers, "collect", self.answers)
        monkeypatch.setattr(proxy.nginx_log, "errors", lambda _stack, _since: self.errors)
        monkeypatch.setattr(proxy.nginx_log, "barred", lambda _stack: "")
        monkeypatch.setattr(proxy.nginx_unit, "name", lambda: "nginx.service")
        monkeypatch.setattr(proxy.systemd, "show", lambda _unit: self.shown)
        monkeypatch.setattr(proxy.service, "started_at", lambda properties: properties.get("started", self.started))
        monkeypatch.setattr(proxy.service, "unit_processes", lambda _shown: self.processes)
        monkeypatch.setattr(proxy.processes, "started", lambda _pid: 2000.0)
        monkeypatch.setattr(proxy.nginx_workers, "account", lambda _stack, _shown: None)
        monkeypatch.setattr(proxy.nginx_workers, "user", lambda stack, _shown: stack.nginx_user)
        monkeypatch.setattr(proxy.upstream_tls, "paths", lambda _stack: [])
        monkeypatch.setattr(proxy.web_servers, "server", lambda pid: "Apache" if pid == 80 else "")
        monkeypatch.setattr(proxy.web_servers, "enabled", lambda: ["caddy"])
        monkeypatch.setattr(proxy, "_test", lambda _stack, was_valid: {"valid": was_valid()})

    def answers(self, _stack: Any, _asked: Any, errors: Any, *_more: Any) -> dict[str, Any]:
        """What the app itself answers; of which of nginx's lines it is asked is kept."""
        self.given["since_start"] = [item["text"] for item in errors]
        return {"handed_on": []}

    def seen(self, *listeners: dict[str, Any], wrong: Any = (), **asked: Any) -> Any:
        """The section, at an edge that answers as it says."""
        return proxy.collect(self.stack, list(listeners), {"well": True, **asked}, list(wrong), True)


@pytest.fixture
def nginx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nginx:
    """An nginx that has read its configuration since that was changed."""
    return Nginx(tmp_path, monkeypatch)


def test_a_configuration_that_nginx_has_taken(nginx: Nginx) -> None:
    """Its workers are younger than each of its files; not where that is not so, or where it failed since."""
    found = nginx.seen()
    assert (found["config_newer"], found["test"], found["user"]) == ([], {"valid": True}, "www-data")
    assert (found["unit"]["name"], found["unit"]["active_state"]) == ("nginx.service", "active")
    assert "other_servers" not in found
    os.utime(nginx.config, (3000, 3000))
    found = nginx.seen()
    assert (found["config_newer"], found["test"]) == ([str(nginx.config)], {"valid": False})
    nginx.processes, nginx.started = [], 0.0
    assert nginx.seen()["config_newer"] == [], "it does not run"
    nginx.started = 2000.0
    os.utime(nginx.config, (1000, 1000))
    nginx.shown["Result"] = "exit-code"
    assert nginx.seen()["test"] == {"valid": False}
    nginx.shown["ActiveState"] = "failed"
    assert nginx.seen()["other_servers"] == ["caddy"]


def test_a_certificate_that_was_renewed(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts where the one that nginx shows is refused."""
    monkeypatch.setattr(proxy.edge, "certificate_paths", lambda _stack: ["/etc/ssl/site.crt"])
    monkeypatch.setattr(proxy.filesystems, "modified", lambda path: 3000.0 if path.endswith(".crt") else 1000.0)
    assert nginx.seen(checks=[{"error": "certificate: expired"}])["config_newer"] == ["/etc/ssl/site.crt"]
    assert nginx.seen(checks=[{"error": "timed out"}])["config_newer"] == []


def test_who_else_is_there(nginx: Nginx) -> None:
    """On a port of nginx's, or one for browsers; in the way where root's own files say that the port is nginx's."""
    held = {"host": "0.0.0.0", "command": "apache2 -k start"}
    apache = {**held, "pid": 80, "port": 80, "unit": "apache2.service"}
    app = {**held, "pid": 81, "port": 8443, "unit": "shop.service"}
    own = {**held, "pid": 82, "port": 443, "unit": "nginx.service"}
    other = {**held, "pid": 83, "port": 5432, "unit": "postgresql.service"}
    nginx.stack.roots_locations = [{"listen": ["80"]}]
    balancer = {**held, "pid": 84, "port": 443, "unit": "haproxy.service"}
    found = nginx.seen(apache, app, own, other, balancer)["fronts"]
    assert [(item["pid"], item["server"], item["foreign"], item["in_the_way"]) for item in found] == [
        (80, "Apache", True, True),
        (81, "", False, False),
        (84, "", True, False),
    ]


def test_what_nginx_said(nginx: Nginx) -> None:
    """Of the app only since this one was started; of this look only where a check failed, without the connection."""
    said = ((1500.0, "*1 before"), (2100.0, "*2 of the app before"), (2300.0, "*3 now"), (2300.0, "*4 now"))
    nginx.errors = [{"when": when, "level": "error", "text": text, "path": ""} for when, text in said]
    nginx.stack.properties = {"started": 2200.0}
    found = nginx.seen(asked_at=2300.9)
    assert nginx.given["since_start"] == ["*3 now", "*4 now"]
    assert (len(found["errors"]), "said" in found, "held" in found) == (4, False, False)
    found = nginx.seen(wrong=[({}, {})], asked_at=2300.9)
    assert (found["said"], found["held"]) == (["now"], [{"pid": 7, "held": "frozen"}])
