# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which server block and which location of nginx answer a request.

Sources: nginx.org/en/docs/http/request_processing.html and server_names.html;
nginx.org/en/docs/http/ngx_http_core_module.html#listen and #location.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

EVERY_ADDRESS = ("*", "0.0.0.0", "[::]")


class Answering(NamedTuple):
    """A server block, and by what nginx chose it: exact, wildcard, regex, or default where the name is nowhere."""

    server: Directive
    chosen_by: str


def answering_check(root: Directive, url: str, host: str = "") -> Answering | None:
    """The server that answers a request to a URL, sent with `host` as its Host; the URL's own where that is empty.

    None where no server listens on its port.
    """
    parts = urlsplit(url)
    return answering(root, http_client.port(parts), host_name(host or netloc(url)), _literal(parts.hostname or ""))


def netloc(url: str) -> str:
    """The host of a URL as a client sends it, with the port that it names, and without an account."""
    return urlsplit(url).netloc.rpartition("@")[2]


def host_name(host: str) -> str:
    """A Host header without its port; an IPv6 address keeps its brackets, as in nginx (ngx_http_validate_host())."""
    return re.sub(r":\d*$", "", host)


def _literal(host: str) -> str:
    """An address as `listen` writes it, an IPv6 one in brackets; empty for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return f"[{address}]" if address.version == 6 else str(address)


def answering(root: Directive, port: int, name: str, address: str = "") -> Answering | None:
    """The server that answers a request for a name on a port; None where none listens there.

    address: of this host, that the request was sent to. A server that listens on it alone comes before all that listen
    on every address (request_processing.html, "Mixed name-based and IP-based virtual servers"). `*` takes no IPv6.
    """
    listening = [(server, listen) for server in servers(root) for listen in listens(server) if listen[1] == port]
    own = [item for item in listening if address and _literal(item[1][0].strip("[]")) == address]
    family = ("[::]",) if address.startswith("[") else ("*", "0.0.0.0") if address else EVERY_ADDRESS
    of_family = [item for item in listening if item[1][0] in family]
    candidates = own or of_family or [item for item in listening if item[1][0] in EVERY_ADDRESS] or listening
    named = name.rstrip(".").lower()
    if found := _by_name([server for server, _listen in candidates], named):
        return found
    flagged = [server for server, (_host, _port, is_default) in candidates if is_default]
    return Answering((flagged or [candidates[0][0]])[0], "default") if candidates else None


def servers(root: Directive) -> list[Directive]:
    """The server blocks of HTTP in the order in which nginx reads them."""
    return [item for http in root.all("http") for item in http.walk() if item.name == "server" and item.block]


def listens(server: Directive) -> list[tuple[str, int, bool]]:
    """(address, port, whether it is the default server there) of each `listen`; sockets of files are left out."""
    found = []
    for words in [item.words[1:] for item in server.all("listen") if item.value] or [["*:80"]]:
        match = re.match(r"^(?:(\[[^\]]*\]|[^:\[\]]+):)?(\d+)$", words[0])
        host, port = (match[1] or "*", int(match[2])) if match else (words[0], 80)
        if not words[0].startswith("unix:"):
            found.append((host, port, "default_server" in words or "default" in words))
    return found


def names(server: Directive) -> list[str]:
    """The names of a server; the empty one where it has none, as in nginx."""
    return [name for item in server.all("server_name") for name in item.words[1:]] or [""]


def takes_name(server_names: list[str], name: str) -> bool:
    """Whether one of a server's names takes a name: as it stands, by a wildcard, or by an expression."""
    return any(_match(written, name.rstrip(".").lower())[0] for written in server_names)


def _by_name(candidates: list[Directive], name: str) -> Answering | None:
    """Exact names first, then the longest wildcard at the front, the longest at the end, the first expression."""
    best: dict[str, tuple[int, Directive]] = {}
    for server in candidates:
        for written in names(server):
            kind, weight = _match(written, name)
            if kind and (kind not in best or (kind != "regex" and weight > best[kind][0])):
                best[kind] = (weight, server)
    for kind in ("exact", "front", "end", "regex"):
        if kind in best:
            return Answering(best[kind][1], "wildcard" if kind in ("front", "end") else kind)
    return None


def _match(written: str, name: str) -> tuple[str, int]:
    """How a server's name takes a name, and how closely; an empty kind where it does not."""
    if written.startswith("~"):
        try:
            # PCRE names groups `(?<x>`, Python `(?P<x>`.
            return ("regex" if re.search(re.sub(r"\(\?<(?![=!])", "(?P<", written[1:]), name) else "", 0)
        except re.error:
            return "", 0
    lowered = written.lower()
    if lowered == name or (lowered.startswith(".") and lowered[1:] == name):
        return "exact", 0
    if lowered.startswith(("*.", ".")) and name.endswith(lowered.lstrip("*")) and name != lowered.lstrip("*."):
        return "front", len(lowered.lstrip("*"))
    if lowered.endswith(".*") and name.startswith(lowered[:-1]):
        return "end", len(lowered)
    return "", 0


def location(block: Directive, path: str) -> list[Directive]:
    """The locations that take a path, from the outermost to the innermost; empty where the server itself does."""
    inner = [item for item in block.all("location") if not item.words[-1].startswith("@")]
    exact = next((item for item in inner if item.value == "=" and item.words[-1] == path), None)
    if exact:
        return [exact, *location(exact, path)]
    prefixes = [item for item in inner if item.value not in ("=", "~", "~*") and path.startswith(item.words[-1])]
    longest = max(prefixes, key=lambda item: len(item.words[-1]), default=None)
    # ngx_http_core_find_location(): expressions and exact paths within the longest prefix are final.
    within = [longest, *location(longest, path)] if longest else []
    if longest and (longest.value == "^~" or any(item.value in ("~", "~*", "=") for item in within)):
        return within
    regex = next((item for item in inner if item.value in ("~", "~*") and _takes(item, path)), None)
    return [regex, *location(regex, path)] if regex else within


def contexts(root: Directive, url: str, host: str, path: str) -> list[Directive]:
    """The blocks that directives are inherited through, the outermost first; those of HTTP at least.

    url, host: of a check that the server answers. path: of the request, which may be another one there.
    """
    found = answering_check(root, url, host)
    inner = [found.server, *location(found.server, path)] if found else []
    return [root, *root.all("http"), *inner]


def _takes(item: Directive, path: str) -> bool:
    try:
        pattern = re.sub(r"\(\?<(?![=!])", "(?P<", item.words[-1])
        return bool(re.search(pattern, path, re.IGNORECASE if item.value == "~*" else 0))
    except re.error:
        return False
