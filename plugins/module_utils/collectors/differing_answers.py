# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks that the app itself answers as wanted, and nginx does not: what lies between them, and where that stands."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers, backend
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_config,
    nginx_headers,
    nginx_paths,
    nginx_servers,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

PATIENCE = 2.0
MOST = 4
MOST_LINES = 12
# What a block merely says of a request that it takes.
_NOT_SHOWN = ("location", "add_header", "access_log", "error_log", "include", "listen", "server_name")
# As every site has them.
_USUAL_HEADERS = ("host", "x-real-ip", "x-forwarded-for", "x-forwarded-proto")
REDIRECTS = (301, 302, 303, 307, 308)


def collect(stack: Stack, wrong: answers.Wrong, origin: str, listening: bool) -> list[dict[str, Any]]:
    """For each: {name, status, block, file, line, lines}, and of sent, cache, redirect, doubled what is the reason.

    block: the location that takes the path, or the server, as it is written; file and line are its, lines is what
    stands in it. sent: {path, words, file, line} where nginx sends the app another path, and the app answers that one
    as the edge did. cache: {words, file, line} where the same check is answered well as soon as no copy of nginx's can
    fit it; redirect: of a line by which nginx redirects; doubled: of the lines that set one header twice. The edge is
    asked once more: what has ended by now is no difference. listening: whether the app listens.
    """
    root = stack.nginx_root
    spoken = [pair for pair in wrong if pair[1]["status"]][:MOST]
    if not root or not spoken or not listening:
        return []
    with ThreadPoolExecutor(max_workers=MOST) as pool:
        found = list(pool.map(lambda pair: _differing(stack, root, pair, origin), spoken))
    return [item for item in found if item]


def _differing(
    stack: Stack, root: Directive, check: tuple[dict[str, Any], dict[str, Any]], origin: str
) -> dict[str, Any] | None:
    wanted, shown = check
    url = urlsplit(wanted["url"])
    asked = {**wanted, "headers": {**(wanted.get("headers") or {}), "X-Forwarded-Proto": url.scheme}}
    own = backend.make_check(stack, asked, origin, PATIENCE)
    if own["asked"] is not True or own["well"] is not True:
        return None
    if http_client.check(wanted, origin, PATIENCE)["problem"] != shown["problem"]:
        return None
    found = nginx_servers.answering_check(root, wanted["url"], wanted.get("host") or "")
    if not found:
        return None
    path = url.path or "/"
    around = [found.server, *nginx_servers.location(found.server, path)]
    inner = around[-1]
    facts: dict[str, Any] = {
        "name": shown["name"],
        "status": shown["status"],
        "block": " ".join(inner.words)[:200],
        "file": inner.file,
        "line": inner.line,
        "lines": _lines(around),
    }
    if doubled := nginx_headers.doubled([root, *root.all("http"), *around]):
        facts["doubled"] = [_place(item) for item in doubled[:MOST]]
    if shown["status"] in REDIRECTS and (rule := _redirect(around)):
        facts["redirect"] = _place(rule)
    elif sent := _sent(stack, found.server, path, asked, shown, origin):
        facts["sent"] = sent
    elif cache := _cache([*root.all("http"), *around], wanted, origin):
        facts["cache"] = cache
    return facts


def _lines(around: list[Directive]) -> list[str]:
    """What stands in the innermost block and around it, as far as it may be why."""
    lines = [item for block in reversed(around) for item in block.block if _is_shown(item)]
    return [_written(item)[:160] for item in lines][:MOST_LINES]


def _is_shown(item: Directive) -> bool:
    if item.name == "proxy_set_header":
        return item.value.lower() not in _USUAL_HEADERS
    return item.name not in _NOT_SHOWN and not item.name.startswith("ssl_")


def _written(item: Directive) -> str:
    inside = "; ".join(" ".join(line.words) for line in item.block)
    return " ".join(item.words) + (f" {{ {inside}; }}" if inside else "")


def _redirect(around: list[Directive]) -> Directive | None:
    """The first line that redirects, of a server or of the locations that take a path, in an `if` or not."""
    own = [item for block in around for item in block.block]
    lines = [line for item in own for line in ([item] if item.name != "if" else item.block)]
    return next((line for line in lines if _redirects(line)), None)


def _redirects(line: Directive) -> bool:
    if line.name == "return":
        return line.value.startswith(("30", "http", "$scheme"))
    return line.name == "rewrite" and (
        line.words[-1] in ("redirect", "permanent") or "://" in (line.words[2:3] or [""])[0]
    )


def _sent(
    stack: Stack, server: Directive, path: str, asked: dict[str, Any], shown: dict[str, Any], origin: str
) -> dict[str, Any] | None:
    """The other path that nginx sends, where the app's answer to that one has the edge's problem."""
    found = nginx_paths.sent(server, path)
    if not found or not found.line or found.path == path:
        return None
    url = urlsplit(asked["url"])
    answer = backend.make_check(stack, {**asked, "url": url._replace(path=found.path).geturl()}, origin, PATIENCE)
    if answer["asked"] is not True or answer["problem"] != shown["problem"]:
        return None
    return {"path": found.path[:200], **_place(found.line)}


def _cache(contexts: list[Directive], wanted: dict[str, Any], origin: str) -> dict[str, Any] | None:
    """nginx's proxy_cache, where the edge answers the check well under an address that nobody has asked before."""
    line = nginx_config.inherited(contexts, "proxy_cache")
    if line is None or line.value == "off":
        return None
    url = urlsplit(wanted["url"])
    fresh = f"{url.query}&" if url.query else ""
    fresh = url._replace(query=f"{fresh}rescue502={secrets.token_hex(6)}").geturl()
    return _place(line) if http_client.check({**wanted, "url": fresh}, origin, PATIENCE)["well"] else None


def _place(line: Directive) -> dict[str, Any]:
    return {"words": " ".join(line.words)[:200], "file": line.file, "line": line.line}
