# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The origins that a browser sends with this site's forms, each with what nginx hands on of such a request.

The rehearsal asks Django with them (script_origins.py). Of a site that nobody is seen to serve by https, and of a name
that nobody gave it, nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_headers,
    nginx_paths,
    nginx_servers,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

MOST = 8
TLS_PORT = 443
# By which an nginx shows that another server hands its requests on to it: what that one sends besides is not known.
_BEHIND_ANOTHER = ("set_real_ip_from", "real_ip_header", "ssl_client_certificate")
_SAID_BY_ANOTHER = re.compile(r"\$\{?http_(x_forwarded|x_real|x_client|cf_|true_client|fastly|forwarded)")
_LITERAL = re.compile(r"^\[?[\d.:a-fA-F]+\]?$")


# Each of these is put into the request by itself.
_OF_ITS_OWN = ("host", "origin")
_SHOWN = ("origin", "own", "host", "written", "file", "line", "host_set", "by_tls")


class Public(NamedTuple):
    """An origin under which the site is open to the public, and the server of nginx's that takes its requests."""

    origin: str
    server: Directive
    # Whether nginx itself ends its TLS.
    by_tls: bool


def collect(stack: Stack, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What script_origins.py asks Django with, of each of the app's locations.

    asked: the edge's answers to the checks. Each is {origin, own, asked_host, path, host, headers, peer, fronted,
    unknown, set}, and what people are shown (placed()). headers: what nginx sends besides the Host. peer: _peer().
    fronted: whether what lies before nginx may send more than these; unknown: those of which it decides the value.
    set: those that nginx sets, with the place.
    """
    root = stack.nginx_root
    if root is None or not stack.locations or stack.nginx_unread:
        return []
    named = list(_of_checks(root, asked.get("checks", []))) if asked.get("configured") else []
    named = named or list(_of_nginx(root, stack))
    # A certificate that is in none of nginx's files is shown by another server.
    behind = is_behind_another(root) or any(not shown["on_disk"] for shown in asked.get("shown", []))
    found = [item for public in named for item in _requests(root, stack, public, behind)]
    found = [item for number, item in enumerate(found) if item not in found[:number]][:MOST]
    front = asked.get("origin", "")
    if found and front.startswith("https://") and all(item["origin"] != front for item in found):
        # Which of the site's names it is sent to makes no difference to another origin.
        said = [check.get("cors") or {} for check in asked.get("checks", [])]
        with_cookies = any(cors.get("credentials") and cors.get("allowed") == front for cors in said)
        found.append({**found[0], "origin": front, "own": False, "with_cookies": with_cookies})
    return found


def _of_checks(root: Directive, configured: list[dict[str, Any]]) -> Iterator[Public]:
    """Those that the user's checks name."""
    for check in configured:
        url = urlsplit(check["url"])
        host = check.get("host") or nginx_servers.netloc(check["url"])
        # An address of this host stands for the public one on the usual port only.
        if url.scheme != "https" or not is_public(host) or (check.get("host") and url.port not in (None, TLS_PORT)):
            continue
        found = nginx_servers.answering_check(root, check["url"], host)
        plain = found or nginx_servers.answering(root, 80, nginx_servers.host_name(host))
        if plain:
            yield Public(f"https://{host.lower()}".removesuffix(f":{TLS_PORT}"), plain.server, bool(found))


def _of_nginx(root: Directive, stack: Stack) -> Iterator[Public]:
    """The names by which nginx serves the app with TLS on the usual port."""
    for item in stack.locations:
        if not any(listen.rpartition(":")[2] == str(TLS_PORT) for listen in item["tls"]):
            continue
        for name in item["server_names"]:
            found = nginx_servers.answering(root, TLS_PORT, name) if is_public(name) else None
            if found and _is_served_by(item, found.server):
                yield Public(f"https://{name.lower()}", found.server, True)


def is_behind_another(root: Directive) -> bool:
    """Whether nginx's lines speak of a server in front of it; formats of logs name all sorts of headers."""
    return any(
        line.name in _BEHIND_ANOTHER
        or (line.name == "listen" and "proxy_protocol" in line.words)
        or (line.name != "log_format" and any(_SAID_BY_ANOTHER.search(word) for word in line.words))
        for line in root.walk()
    )


def is_public(name: str) -> bool:
    """Whether others than this host may know it by that name: no wildcard, no expression, no bare word."""
    bare = nginx_servers.host_name(name)
    return bool(re.match(r"^\w[\w.-]*\.\w[\w-]*$", bare)) and not _LITERAL.match(bare)


def _is_served_by(item: dict[str, Any], server: Directive) -> bool:
    names = [name for line in server.all("server_name") for name in line.words[1:]]
    return bool(item["file"] == server.file and item["server_names"] == names and item["protocol"] in ("http", "https"))


def _requests(root: Directive, stack: Stack, public: Public, behind: bool) -> Iterator[dict[str, Any]]:
    """What the app gets of a form that a browser sends there, for each of the app's locations in that server.

    behind: whether another server is in front of nginx.
    """
    asked_host = urlsplit(public.origin).netloc
    for item in stack.locations:
        path = item["path"] if re.match(r"^/[\w./-]*$", item["path"]) else "/"
        addresses = nginx_headers.addresses(root, public.server, path)
        if not _is_served_by(item, public.server) or not addresses or addresses != item["addresses"]:
            continue
        scheme = "https" if public.by_tls else "http"
        request = nginx_headers.Request(scheme, asked_host, path, public.origin)
        sent = nginx_headers.sent(root, public.server, request)
        open_ones = nginx_headers.rests_on_the_front(root, public.server, request)
        if not sent or "host" in open_ones or not sent.get("host") or not sent["host"].value:
            continue
        if sent.get("origin") and sent["origin"].value != public.origin:
            continue  # Django sees no origin, or nginx's own
        lines = nginx_headers.lines(root, public.server, request)
        last = lines[-1] if lines else sent["host"]
        host_set = any(line.value.lower() == "host" for line in lines)
        yield {
            "origin": public.origin,
            "own": True,
            "asked_host": asked_host,
            # As the app sees it, which proxy_pass may make shorter.
            "path": (nginx_paths.sent(public.server, path) or nginx_paths.Sent(path, None)).path,
            # Over TLS the app server knows the scheme by the connection, or by its headers.
            "peer": _peer(addresses[0]) if item["protocol"] == "http" else None,
            "fronted": behind or not public.by_tls,
            "unknown": sorted(open_ones),
            "by_tls": public.by_tls,
            "host": sent["host"].value,
            "headers": {
                name: held.value for name, held in sent.items() if name not in ("host", "origin") and held.value
            },
            "written": sent["host"].written,
            "host_set": host_set,
            "file": sent["host"].file if host_set else last.file,
            "line": sent["host"].line if host_set else last.line,
            "more_file": last.file,
            "more_line": last.line,
            "set": {name: [held.file, held.line] for name, held in sent.items()},
        }


def _peer(address: str) -> str | None:
    """The address that the app sees nginx come from; empty of a Unix socket, None where nginx dials a name."""
    if address.startswith("unix:"):
        return ""
    host = address.rpartition(":")[0].strip("[]")
    return "127.0.0.1" if host == "localhost" else host if _LITERAL.match(host) else None


def placed(step: dict[str, Any], asked: list[dict[str, Any]]) -> dict[str, Any]:
    """The script's step with what nginx's own files say of each origin that is refused. asked: of collect().

    The script runs as the app's user: of what it returns nothing names a file.
    """
    found = []
    for refused in step.get("refused") or []:
        item = asked[refused.pop("index")]
        name = str(refused["header"]).lower()
        file, line = item["set"].get(name) or (item["more_file"], item["more_line"])
        found.append(
            {
                **refused,
                **{
                    key: item[key] for key in ("origin", "own", "host", "written", "file", "line", "host_set", "by_tls")
                },
                "handed": name in item["set"],
                "header_file": file,
                "header_line": line,
            }
        )
    return {**step, **({"refused": found} if "refused" in step else {})}
