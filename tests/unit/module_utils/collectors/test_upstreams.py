"""Where nginx sends to: whether the app is there, whether it is listened to, and configurations that nobody reads."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import upstreams
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config, nginx_locations
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import load
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

# nginx 1.22 of an upstream whose name stood for that address when it read its configuration.
REFUSED = (
    "*7 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: a.example, "
    'request: "GET / HTTP/1.1", upstream: "http://198.51.100.5:8000/", host: "a.example"'
)


class Nginx:
    """An nginx with these lines in its http block; what is asked of the host answers as each test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.refused = ""
        self.now: list[str] = []
        self.connects: dict[int, str] = {}
        monkeypatch.setattr(upstreams.nginx_workers, "account", lambda _stack, _shown: "its account")
        monkeypatch.setattr(upstreams.nginx_workers, "user", lambda _stack, _shown: "www-data")
        monkeypatch.setattr(upstreams.nginx_workers, "obstacles", lambda path, _who, _stack: [{"path": path}])
        monkeypatch.setattr(upstreams.upstream_tls, "collect", lambda _stack, _errors: {"127.0.0.1:8000": {"ok": True}})
        monkeypatch.setattr(upstreams.reachability, "barred", lambda _bind, _held, account: account and self.refused)
        monkeypatch.setattr(upstreams.reachability, "rules", lambda port: [f"tcp dport {port} drop"])
        monkeypatch.setattr(upstreams.name_resolution, "look_up", lambda _name: {"addresses": self.now})
        monkeypatch.setattr(upstreams.sockets, "connects", lambda bind, _timeout: self.connects.get(bind["port"], "no"))

    def stack(self, lines: str, *binds: str) -> Any:
        """The app that listens there."""
        config = self.folder / "nginx.conf"
        config.write_text(f"http {{ {lines} }}")
        root, files = load(str(config))
        locations = nginx_locations.proxied_locations(root)
        bind = [gunicorn_config.parse_bind(each) for each in binds]
        return SimpleNamespace(
            locations=locations, bind=bind, bind_bar="", nginx_config=str(config), nginx_files=list(files)
        )

    def seen(self, lines: str, *binds: str, well: bool = False, **given: Any) -> Any:
        """What is found of each address, by it."""
        held, errors = given.get("held", []), [{"text": text, "when": 1.0} for text in given.get("errors", [])]
        shown = {"PrivateTmp": "yes"}
        found = upstreams.collect(self.stack(lines, *binds), held, shown, well, errors)
        return {item["address"]: item for item in found}


@pytest.fixture
def nginx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nginx:
    """An nginx on a host that refuses nothing."""
    return Nginx(tmp_path, monkeypatch)


def server(target: str, name: str = "a.example") -> str:
    """A server that hands all to this address."""
    return f"server {{ listen 80; server_name {name}; location / {{ proxy_pass {target}; }} }}"


GROUP = "upstream app { server 127.0.0.1:8000; server 127.0.0.1:8001 backup; }"
LISTENER = {"kind": "tcp", "host": "127.0.0.1", "port": 8000, "path": "", "queued": 0}


def test_a_group_of_upstreams(nginx: Nginx) -> None:
    """Which of them is the app's, listens, and is a backup."""
    nginx.refused = "timed out"
    found = nginx.seen(GROUP + server("http://app"), "127.0.0.1:8000", held=[LISTENER])
    first, backup = found["127.0.0.1:8000"], found["127.0.0.1:8001"]
    assert (first["is_ours"], first["listening"], first["backup"]) == (True, True, False)
    assert (backup["is_ours"], backup["listening"], backup["backup"]) == (False, False, True)
    assert (first["protocols"], first["kind"], first["tls"]) == (["http"], "tcp", {"ok": True})
    assert "tls" not in backup
    assert (first["unreachable"], first["rules"]) == ("timed out", ["tcp dport 8000 drop"])
    assert (first["path"], first["exists"], first["denied"], first["hidden_by"]) == ("", False, [], "")


def test_an_edge_that_is_well(nginx: Nginx) -> None:
    """Then nothing bars nginx, and nothing is asked for that."""
    nginx.refused = "timed out"
    found = nginx.seen(GROUP + server("http://app"), "127.0.0.1:8000", well=True, held=[LISTENER])["127.0.0.1:8000"]
    assert (found["unreachable"], found["rules"], "tls" in found) == ("", [], False)


def test_an_address_of_another_host(nginx: Nginx) -> None:
    """Only connecting shows who listens there."""
    nginx.connects = {8000: ""}
    assert nginx.seen(server("http://192.0.2.7:8000"))["192.0.2.7:8000"]["listening"] is True
    assert nginx.seen(server("http://192.0.2.7:9000"))["192.0.2.7:9000"]["listening"] is False


def test_a_socket_of_files(nginx: Nginx, tmp_path: Path) -> None:
    """Whether it is there, what is in nginx's way, and what its unit hides from it."""
    path = tmp_path / "app.sock"
    address = f"unix:{path}"
    found = nginx.seen(server(f"http://{address}:/"), address)[address]
    assert (found["path"], found["exists"], found["is_ours"], found["listening"]) == (str(path), False, True, False)
    assert found["denied"] == [{"path": str(path)}], "it is the app's, though it is not there"
    assert nginx.seen(server(f"http://{address}:/"))[address]["denied"] == []
    path.touch()
    found = nginx.seen(server(f"http://{address}:/"))[address]
    assert (found["exists"], found["denied"]) == (True, [{"path": str(path)}])
    assert nginx.seen(server("http://unix:/tmp/app.sock:/"))["unix:/tmp/app.sock"]["hidden_by"] == "PrivateTmp=yes"


def test_a_name_that_has_moved(nginx: Nginx) -> None:
    """nginx looked it up when it read its configuration: it counts where it stands for none of what was dialled."""
    lines = server("http://app.internal:8000")

    def moved_from(*now: str, error: str = REFUSED) -> Any:
        nginx.now = list(now)
        return nginx.seen(lines, errors=[error])["app.internal:8000"]["moved_from"]

    assert moved_from("198.51.100.9") == "198.51.100.5"
    assert moved_from("198.51.100.9", "198.51.100.5") == ""
    assert moved_from() == "", "nobody knows it now"
    assert moved_from("198.51.100.9", error=REFUSED.replace(":8000/", ":8001/")) == ""
    assert nginx.seen(server("http://192.0.2.7:8000"), errors=[REFUSED])["192.0.2.7:8000"]["moved_from"] == ""


def test_what_is_not_known_is_not_said(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the app's own addresses may not be read."""
    stack = nginx.stack(server("http://127.0.0.1:8000"))
    stack.bind_bar = "only root may"
    monkeypatch.setattr(nginx, "stack", lambda *_given: stack)
    assert isinstance(nginx.seen("")["127.0.0.1:8000"]["is_ours"], unread.Unread)


def test_configurations_that_nginx_does_not_read(nginx: Nginx, tmp_path: Path) -> None:
    """Only those that hand to this app; one where sites are kept before a backup."""
    stack = nginx.stack(server("http://127.0.0.1:8000"), "127.0.0.1:8000")
    for folder in ("sites-available", "backup"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shop").write_text(server("http://127.0.0.1:8000", f"{folder}.example"))
    (tmp_path / "sites-available" / "blog").write_text(server("http://127.0.0.1:9000"))
    (tmp_path / "sites-available" / "big").write_text(server("http://127.0.0.1:8000") + " " * upstreams.MAX_BYTES)
    (tmp_path / "again").symlink_to("nginx.conf")
    assert upstreams.unused_files(stack) == [
        {"file": str(tmp_path / name / "shop"), "server_names": [f"{name}.example"]}
        for name in ("sites-available", "backup")
    ]
    stack.nginx_config = ""
    assert upstreams.unused_files(stack) == []
