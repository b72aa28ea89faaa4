"""Ports that no HTTP comes from: not in nginx's configuration, without TLS, or in a network of nginx's own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import silent_ports
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

ON_443 = {"kind": "tcp", "port": 443, "unit": "nginx.service"}


def found(folder: Path, lines: str, *listeners: dict[str, Any], url: str = "https://127.0.0.1/api/") -> Any:
    """What is found of a check that nobody answers."""
    (folder / "nginx.conf").write_text(f"http {{ {lines} }}")
    root = nginx_config.load(str(folder / "nginx.conf"))[0]
    stack: Any = SimpleNamespace(nginx_root=root, locations=[{"file": "/etc/nginx/a", "listen": ["80"]}])
    wrong: Any = [({"url": url}, {"name": "api", "status": 0, "error": "Connection refused"})]
    return silent_ports.collect(stack, wrong, list(listeners), {"Id": "nginx.service", "MainPID": "7"})


def test_no_server_is_to_listen_there(tmp_path: Path) -> None:
    """And nobody does."""
    (item,) = found(tmp_path, "server { listen 80; }")
    assert (item["port"], item["taken"], item["lines"], item["others"]) == (443, False, [], ["80"])


@pytest.mark.parametrize(
    ("lines", "tls"),
    [
        ("server { listen 443; }", False),
        ("server { listen [::]:443 default_server; }", False),
        ("server { listen 443 ssl http2; }", True),
        ("server { listen 443; ssl on; }", True),
        ("ssl on; server { listen 443; }", True),
    ],
)
def test_whether_tls_is_spoken(tmp_path: Path, lines: str, tls: bool) -> None:
    """By the word, or by the directive of older nginx."""
    (item,) = found(tmp_path, lines, ON_443)
    assert (item["by_nginx"], item["lines"][0]["tls"]) == (True, tls)


def test_a_network_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nginx listens where nobody else reaches it."""
    monkeypatch.setattr(sockets, "shares_network", lambda _pid: False)
    monkeypatch.setattr(sockets, "inside", lambda _pid: [{"host": "0.0.0.0", "port": 443}])
    (item,) = found(tmp_path, "server { listen 443 ssl; }")
    assert (item["apart"], item["taken"]) == (True, False)


def test_another_host(tmp_path: Path) -> None:
    """Of that the files here say nothing."""
    assert found(tmp_path, "server { listen 80; }", url="https://192.0.2.7/") == []
