# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which headers nginx sends to the app with a request, as far as its configuration says so.

Sources: nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header, and its variables.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_config,
    nginx_locations,
    nginx_servers,
    nginx_variables,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
PASSES = ("proxy_pass", "grpc_pass")
# The host itself asks.
CLIENT = "127.0.0.1"
# Of the connection with the app, which is ours where we ask it in nginx's place.
_OF_THE_CONNECTION = ("connection", "upgrade", "content-length", "transfer-encoding", "accept-encoding", "te")


class Request(NamedTuple):
    """What a visitor asks: http or https, the Host as sent, the path, and the header that nginx is to hand on."""

    scheme: str
    host: str
    path: str
    origin: str = ""


class Sent(NamedTuple):
    """One header that nginx sends: its value, how it is written, and where; line 0 where it is nginx's default."""

    value: str
    written: str
    file: str
    line: int


def handed_on(root: Directive | None, wanted: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """(Host, further headers) that the app gets of a request to the edge.

    root: nginx's configuration; None where it cannot be read. wanted: the check, {url, host}. Where nginx has no place
    for it, or cannot be read, the request stays as it was made.
    """
    url = urlsplit(wanted["url"])
    asked = wanted.get("host") or nginx_servers.netloc(wanted["url"])
    found = nginx_servers.answering_check(root, wanted["url"], asked) if root else None
    headers = sent(root, found.server, Request(url.scheme, asked, url.path or "/")) if root and found else None
    if headers is None:
        return asked, {}
    host = headers.pop("host", None)
    kept = {name: item.value for name, item in headers.items() if item.value and name not in _OF_THE_CONNECTION}
    return (host.value if host and host.value else asked), kept


def uwsgi_variables(root: Directive | None, wanted: dict[str, Any]) -> dict[str, str]:
    """The variables that nginx sends with a request to the edge in uWSGI's protocol, as far as their values are known.

    root, wanted: as of handed_on().
    """
    url = urlsplit(wanted["url"])
    asked = wanted.get("host") or nginx_servers.netloc(wanted["url"])
    found = nginx_servers.answering_check(root, wanted["url"], asked) if root and url.netloc else None
    if root is None or found is None:
        return {}
    request = Request(url.scheme, asked, url.path or "/")
    contexts = [root, *root.all("http"), found.server, *_taking(found.server, request.path)]
    values = {**_values(found.server, "", request), "request_scheme": url.scheme}
    pairs = [(item.words[1], _known(item.words[2], values)) for item in _written(contexts, "uwsgi_param")]
    return {name: value for name, value in pairs if value}


def sent(root: Directive, server: Directive, request: Request) -> dict[str, Sent] | None:
    """The headers that nginx sends for a request, by their names in lower case; those with an unknown value left out.

    None where the request is not handed on by a proxy_pass. Empty values are headers that nginx does not send.
    """
    taking = _taking(server, request.path)
    passing = _passing(taking[-1] if taking else server)
    if passing is None:
        return None
    targets = nginx_variables.expand(passing.value, nginx_variables.known(root, server))
    # Of several that a variable chooses between, it is not known which one this request meets.
    target = nginx_locations.target_host(targets[0] if len(targets) == 1 else passing.value)
    values = _values(server, target, request)
    default = Sent(target, "$proxy_host", passing.file, passing.line)
    found = {"host": default} if "$" not in default.value else {}
    contexts = [root, *root.all("http"), server, *taking]
    if (line := nginx_config.inherited(contexts, "proxy_pass_request_headers")) and line.value == "off":
        found["origin"] = Sent("", "", line.file, line.line)
    written = _written(contexts)
    for item in written:
        if len(item.words) == 3:
            found.pop(item.value.lower(), None)
            value = _known(item.words[2], values)
            if value is not None:
                found[item.value.lower()] = Sent(value, item.words[2], item.file, item.line)
    return found


def rests_on_the_front(root: Directive, server: Directive, request: Request) -> set[str]:
    """Names of headers, in lower case, whose value what lies before nginx decides: the visitor's own, or a map's."""
    values = {name: value for name, value in _values(server, "", request).items() if "http_x_" not in name}
    found = lines(root, server, request)
    return {item.value.lower() for item in found if len(item.words) == 3 and _known(item.words[2], values) is None}


def addresses(root: Directive, server: Directive, path: str) -> list[str]:
    """Where nginx hands a request for a path on to, as proxied_locations() has them; empty where it does not."""
    taking = _taking(server, path)
    passing = _passing(taking[-1] if taking else server)
    targets = nginx_variables.expand(passing.value, nginx_variables.known(root, server)) if passing else []
    return nginx_locations.all_addresses(targets, nginx_locations.upstreams(root))


def lines(root: Directive, server: Directive, request: Request) -> list[Directive]:
    """The lines of proxy_set_header that hold for a request. A further one next to them takes the place of none."""
    return _written([root, *root.all("http"), server, *_taking(server, request.path)])


def _taking(server: Directive, path: str) -> list[Directive]:
    """The locations that take a path, the innermost last; the named one, where try_files ends in it."""
    taking = nginx_servers.location(server, path)
    innermost = taking[-1] if taking else server
    last = next((item.words[-1] for item in innermost.all("try_files")), "")
    named = [item for item in server.all("location") if last.startswith("@") and item.value == last]
    return named if named and _passing(innermost) is None else taking


def _passing(block: Directive) -> Directive | None:
    """The line by which a block hands its requests on."""
    blocks = [block, *(item for item in block.block if item.name in ("if", "limit_except"))]
    return next((item for block in blocks for item in block.block if item.name in PASSES), None)


def doubled(contexts: list[Directive]) -> list[Directive]:
    """Lines that set one header twice: nginx sends both. contexts: of a location, the outermost first."""
    lines = [item for item in _written(contexts) if len(item.words) == 3 and item.words[2]]
    names = [item.value.lower() for item in lines]
    return [item for item in lines if names.count(item.value.lower()) > 1]


def _written(contexts: list[Directive], name: str = "proxy_set_header") -> list[Directive]:
    """The lines of that name of the innermost context that has any: there they replace all of the outer ones."""
    return next((lines for context in reversed(contexts) if (lines := context.all(name))), [])


def _values(server: Directive, target: str, request: Request) -> dict[str, str]:
    """nginx's variables for a request; what only the request itself could say is not in it."""
    known = {
        "host": nginx_servers.host_name(request.host).lower(),
        "http_host": request.host,
        "server_name": nginx_servers.names(server)[0],
        "proxy_host": target,
        "scheme": request.scheme,
        "remote_addr": CLIENT,
        "proxy_add_x_forwarded_for": CLIENT,
        "https": "on" if request.scheme == "https" else "",
        "http_origin": request.origin,
        "http_upgrade": "",
        "http_x_forwarded_proto": "",
        "http_x_forwarded_host": "",
        "http_x_forwarded_for": "",
    }
    known.update({item.value.lstrip("$"): item.words[2] for item in server.all("set") if "$" not in item.words[-1]})
    return known


def _known(text: str, values: dict[str, str]) -> str | None:
    """A value with its variables in place; None where one of them is not known."""
    wanted = [match[1] or match[2] for match in _VARIABLE.finditer(text)]
    if any(name not in values for name in wanted):
        return None
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], text)
