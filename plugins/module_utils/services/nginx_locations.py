# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of nginx's locations hand requests on, to which addresses, and which are served from disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_variables
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive

READ_TIMEOUT = 60.0


def upstreams(root: Directive, backup: bool | None = None) -> dict[str, list[str]]:
    """Addresses of each `upstream` block, by its name; servers that are marked down are left out.

    backup: True for the backup servers only, False for the others only.
    """
    return {
        item.value: [
            with_port(server.value)
            for server in item.all("server")
            if "down" not in server.words[2:] and backup in (None, "backup" in server.words[2:])
        ]
        for item in root.walk()
        if item.name == "upstream"
    }


def with_port(server: str) -> str:
    """A server of an `upstream` block as nginx dials it: on port 80 where it names none."""
    return server if re.match(r"^unix:|.*:\d+$", server) else server + ":80"


def proxied_locations(root: Directive) -> list[dict[str, Any]]:
    """Every location that hands requests on.

    {server_names, listen, tls, certificate, path, target, protocol, addresses, file}: protocol is what nginx speaks
    there, http, https, uwsgi or grpc; addresses are upstream addresses as nginx would dial them, `host:port` or
    `unix:/path`; backups are those of them that it dials only when no other answers. read_timeout
    is in seconds, buffer_size in bytes and 0 where nothing sets it; buffer_size_file is the file that does.
    """
    groups, spare = upstreams(root), upstreams(root, backup=True)
    found = []
    for server in (item for item in root.walk() if item.name == "server" and item.block):
        listens = [item.words[1:] for item in server.all("listen")] or [["80"]]
        for location, targets, protocol, contexts in proxies(server, root):
            target = targets[0]
            buffers = nginx_config.inherited(contexts, "proxy_buffer_size")
            timeout = nginx_config.inherited(contexts, "proxy_read_timeout")
            found.append(
                {
                    "server_names": [name for item in server.all("server_name") for name in item.words[1:]],
                    "listen": [words[0] for words in listens if words],
                    "tls": [words[0] for words in listens if "ssl" in words or words[0].endswith(":443")],
                    "certificate": server.first("ssl_certificate") or nginx_config.root_value(root, "ssl_certificate"),
                    "path": location,
                    "target": target,
                    "protocol": protocol,
                    "addresses": all_addresses(targets, groups),
                    "backups": all_addresses([item for item in targets if target_host(item) in spare], spare),
                    "access_log": server.first("access_log") or nginx_config.root_value(root, "access_log"),
                    "error_log": server.first("error_log") or nginx_config.root_value(root, "error_log"),
                    "read_timeout": nginx_config.seconds(timeout.value) if timeout else READ_TIMEOUT,
                    "buffer_size": nginx_config.size(buffers.value) if buffers else 0,
                    "buffer_size_file": buffers.file if buffers else "",
                    "file": server.file,
                }
            )
    return found


Proxy = tuple[str, list[str], str, list[Directive]]


def proxies(server: Directive, root: Directive) -> Iterator[Proxy]:
    """(path, targets, protocol, contexts) for each proxy_pass and the like of a server, with its location.

    There are several targets where variables choose between them.
    """
    values = nginx_variables.known(root, server)

    def below(block: Directive, path: str, around: list[Directive]) -> Iterator[Proxy]:
        for item in block.block:
            if item.name == "location":
                yield from below(item, item.words[-1], [*around, item])
            elif item.name in ("proxy_pass", "uwsgi_pass", "grpc_pass"):
                targets, own = nginx_variables.expand(item.value, values), item.name.replace("_pass", "")
                # The scheme of a proxy_pass; the others have none.
                protocol = own if own != "proxy" else "https" if targets[0].startswith("https:") else "http"
                yield path, targets, protocol, around
            elif item.name in ("if", "limit_except"):
                yield from below(item, path, around)

    yield from below(server, "/", [root, *root.all("http"), server])


# Variables that begin with a slash or a question mark, so that the host ends before them.
_URI_VARIABLE = re.compile(r"\$\{?(?:request_uri|uri|document_uri|is_args)\b.*$")


def target_host(target: str) -> str:
    """The host, or the name of the upstream group, in a proxy_pass target."""
    return re.split(r"[/?]", _URI_VARIABLE.sub("", re.sub(r"^[a-z]+://", "", target)))[0]


def all_addresses(targets: list[str], groups: dict[str, list[str]]) -> list[str]:
    """The addresses of all these targets, each once."""
    return list(dict.fromkeys(address for target in targets for address in addresses(target, groups)))


def addresses(target: str, groups: dict[str, list[str]]) -> list[str]:
    """The addresses that a proxy_pass target stands for; none where a variable of the request decides."""
    rest = _URI_VARIABLE.sub("", re.sub(r"^[a-z]+://", "", target))
    if "$" in (rest.split(":/")[0] if rest.startswith("unix:") else target_host(target)):
        return []
    if rest.startswith("unix:"):
        return [re.sub(r"^(unix:[^:]+):.*$", r"\1", rest)]
    host = target_host(target)
    if host in groups:
        return groups[host]
    return [host if re.search(r":\d+$", host) else host + (":443" if target.startswith("https") else ":80")]


def static_locations(root: Directive) -> list[dict[str, str]]:
    """Locations served from disk: {path, folder, file}."""
    found = []
    for server in (item for item in root.walk() if item.name == "server" and item.block):
        for location in server.all("location"):
            alias, folder = location.first("alias"), location.first("root")
            if alias or folder:
                path = location.words[-1]
                place = alias or os.path.join(folder, path.lstrip("/"))
                found.append({"path": path, "folder": place, "file": server.file})
    return found
