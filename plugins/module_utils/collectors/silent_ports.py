# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks that no HTTP came to: whether nginx is configured to listen on their port, and to speak TLS there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers, reachability
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client, sockets, systemd

MOST = 4
CONNECT_SECONDS = 1.0
# What a handshake can fail by (ngx_http_ssl_module).
_TLS = ("ssl_reject_handshake", "ssl_protocols", "ssl_ciphers", "ssl_conf_command", "ssl_ecdh_curve")
# Of a check that asks another host the files here say nothing.
_HERE = ("127.0.0.1", "::1", "localhost")


def collect(
    stack: Stack, wrong: answers.Wrong, listeners: list[dict[str, Any]], unit: dict[str, str]
) -> list[dict[str, Any]]:
    """For each such check of this host: {name, port, https, error, taken, by_nginx, apart, lines, file, others}.

    unit: the properties of nginx's unit. taken: whether anybody listens on that port; by_nginx: whether nginx does;
    apart: whether it does in a network of its own, where nobody else can reach it. lines: {words, file, line, tls,
    proxy} of nginx's servers that are to listen there. file, others: of the app's own server, and the addresses that
    it is to listen on. tls_lines: {words, file, line} of what the answering server says of the versions and ciphers of
    TLS, or that it takes no handshake. filtered: why no connection is made at all, though somebody listens; rules:
    lines of the packet filter about that port.
    """
    root = stack.nginx_root
    silent = [pair for pair in wrong if not pair[1]["status"]]
    here = [pair for pair in silent if (urlsplit(pair[0]["url"]).hostname or "") in _HERE]
    if not root or not here:
        return []
    with ThreadPoolExecutor(MOST) as pool:
        return list(pool.map(lambda pair: _silent(stack, root, pair, listeners, unit), here[:MOST]))


def _silent(
    stack: Stack,
    root: Directive,
    check: tuple[dict[str, Any], dict[str, Any]],
    listeners: list[dict[str, Any]],
    unit: dict[str, str],
) -> dict[str, Any]:
    wanted, shown = check
    url = urlsplit(wanted["url"])
    port = http_client.port(url)
    there = [item for item in listeners if item["kind"] == "tcp" and item["port"] == port]
    own = next(iter(stack.locations), None)
    return {
        "name": shown["name"],
        "port": port,
        "https": url.scheme == "https",
        "error": shown["error"][:300],
        "taken": bool(there),
        "by_nginx": any(item["unit"] == unit.get("Id") for item in there),
        "apart": _listens_apart(systemd.number(unit.get("MainPID", "")), port),
        "lines": [_line(root, server, words) for server in nginx_servers.servers(root) for words in _on(server, port)],
        **({"filtered": why, "rules": reachability.rules(port)} if there and (why := _refused(url, port)) else {}),
        **({"tls_lines": lines} if (lines := _about_tls(root, wanted)) else {}),
        "file": own["file"] if own else "",
        "others": own["listen"][:5] if own else [],
    }


def _refused(url: SplitResult, port: int) -> str:
    """Why a connection itself cannot be made to a port on which somebody listens; empty where it can."""
    return sockets.connects({"kind": "tcp", "host": url.hostname or "", "port": port, "path": ""}, CONNECT_SECONDS)


def _about_tls(root: Directive, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    host = wanted.get("host") or ""
    found = nginx_servers.answering_check(root, wanted["url"], host)
    around = [*root.all("http"), *([found.server] if found else [])]
    lines = [line for name in _TLS if (line := nginx_config.inherited(around, name))]
    return [{"words": " ".join(item.words)[:200], "file": item.file, "line": item.line} for item in lines]


def _listens_apart(pid: int, port: int) -> bool:
    if not pid or sockets.shares_network(pid):
        return False
    return any(item["port"] == port for item in sockets.inside(pid))


def _on(server: Directive, port: int) -> list[Directive]:
    """A server's `listen` lines of a port."""
    found = []
    for item in server.all("listen"):
        alone = Directive(["server"], item.file, item.line, [item])
        if any(listen[1] == port for listen in nginx_servers.listens(alone)):
            found.append(item)
    return found


def _line(root: Directive, server: Directive, item: Directive) -> dict[str, Any]:
    # The directive `ssl`, which nginx 1.25.1 has dropped, did the same.
    everywhere = nginx_config.inherited([*root.all("http"), server], "ssl")
    return {
        "words": " ".join(item.words)[:200],
        "file": item.file,
        "line": item.line,
        "tls": "ssl" in item.words or "quic" in item.words or bool(everywhere and everywhere.value == "on"),
        "proxy": "proxy_protocol" in item.words,
    }
