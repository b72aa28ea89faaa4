# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The headers with which nginx hands a request on (nginx.org, ngx_http_proxy_module, proxy_set_header)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config

# The host itself asks.
CLIENT = "127.0.0.1"
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
# Of the connection with the app, which is ours here.
_OF_THE_CONNECTION = ("connection", "upgrade", "content-length", "transfer-encoding", "accept-encoding", "te")
_PASSES = ("proxy_pass", "uwsgi_pass", "grpc_pass")


def handed_on(config: str, locations: list[dict[str, Any]], wanted: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """(Host, further headers) that the app gets of a request to the edge.

    config: nginx's main file. locations: the app's, of proxied_locations(). wanted: the check, {url, host}. Where
    nginx has no place for it, or cannot be read, the request stays as it was made. A value that rests on a variable
    that we do not know is left out.
    """
    url = urlsplit(wanted["url"])
    asked = wanted.get("host") or url.netloc
    location = _location(locations, re.sub(r":\d+$", "", asked), url.path or "/")
    try:
        root, _files = nginx_config.load(config)
    except (OSError, ValueError):
        return asked, {}
    contexts = next(_contexts(root, location), None) if location else None
    if contexts is None:
        return asked, {}
    known = {
        "host": re.sub(r":\d+$", "", asked).lower(),
        "http_host": asked,
        "scheme": url.scheme,
        "https": "on" if url.scheme == "https" else "",
        "remote_addr": CLIENT,
        "proxy_add_x_forwarded_for": CLIENT,
        "server_name": next(iter(location["server_names"]), "") if location else "",
        "server_port": str(url.port or (443 if url.scheme == "https" else 80)),
        "proxy_host": nginx_config.target_host(location["target"]) if location else "",
        "request_uri": f"{url.path or '/'}?{url.query}".rstrip("?"),
    }
    # The innermost context that sets any header sets them all.
    lines = next((found for context in reversed(contexts) if (found := context.all("proxy_set_header"))), [])
    given = {line.value: _value(line.words[2], known) for line in lines if len(line.words) > 2}
    headers = {name: value for name, value in given.items() if value and name.lower() not in _OF_THE_CONNECTION}
    host = next((value for name, value in given.items() if name.lower() == "host"), known["proxy_host"])
    return host or asked, {name: value for name, value in headers.items() if name.lower() != "host"}


def _value(text: str, known: dict[str, str]) -> str:
    """A header's value; empty, which nginx does not send, where a variable in it is not known."""
    if any(name not in known for name in _VARIABLE.findall(text)):
        return ""
    return _VARIABLE.sub(lambda found: known[found.group(1)], text)


def _location(locations: list[dict[str, Any]], name: str, path: str) -> dict[str, Any] | None:
    """The app's location for a request: of its name where one has it, and with the longest prefix of its path."""
    named = [item for item in locations if name in item["server_names"]] or locations
    fitting = [item for item in named if path.startswith(item["path"])] or named
    return max(fitting, key=lambda item: len(item["path"]), default=None)


def _contexts(root: nginx_config.Directive, location: dict[str, Any]) -> Iterator[list[nginx_config.Directive]]:
    """The contexts around the proxy_pass of a location, from the outermost."""
    for server in (item for item in root.walk() if item.name == "server" and item.block):
        names = [name for item in server.all("server_name") for name in item.words[1:]]
        if server.file == location["file"] and names == location["server_names"]:
            yield from _around(server, "/", [root, *root.all("http"), server], location["path"])


def _around(
    block: nginx_config.Directive, path: str, around: list[nginx_config.Directive], wanted: str
) -> Iterator[list[nginx_config.Directive]]:
    for item in block.block:
        if item.name == "location":
            yield from _around(item, item.words[-1], [*around, item], wanted)
        elif item.name in ("if", "limit_except"):
            yield from _around(item, path, around, wanted)
        elif item.name in _PASSES and path == wanted:
            yield around
