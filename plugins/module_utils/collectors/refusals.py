# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What nginx answers by itself because its configuration says so, whatever the app would: a maintenance, a drained app.

Starting or repairing the app changes nothing there, and somebody may want it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import backend
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    nginx_locations,
    nginx_servers,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

PATIENCE = 2.0
CONNECT_TIMEOUT = 1.0
# As many as there are checks at most.
MOST = 12
# What an access rule answers with; a `return` names its own status.
RULES = {"deny": 403, "auth_basic": 401}
# What nginx also answers with where the app is the reason.
GATEWAY_ERRORS = (502, 504)
DOWN = ("inactive", "failed")
NO_RULE = {"words": "", "condition": ""}


def collect(stack: Stack, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Failed checks that nginx answers itself: {path, status, words, condition, file, app_status, certain}.

    asked: what the edge section holds. The app itself is asked for each path, so that an error of its own is not
    taken for nginx's. `words` is the directive, empty where none was found; `condition` is the `if` around it, or the
    group of servers. `certain`: nothing below nginx can be the reason for this status.
    """
    failed = [check for check in asked.get("checks", []) if not check["well"] and check["status"]]
    root = stack.nginx_root
    if not failed or not root:
        return []
    with ThreadPoolExecutor(max_workers=MOST) as pool:
        found = pool.map(lambda check: _refusal(stack, root, check), failed[:MOST])
        return [item for item in found if item]


def _refusal(stack: Stack, root: Directive, check: dict[str, Any]) -> dict[str, Any] | None:
    path, status = urlsplit(check["url"]).path or "/", int(check["status"])
    host = nginx_servers.host_name(check["host"] or nginx_servers.netloc(check["url"]))
    if line := _wants_certificate(root, check):
        answer = backend.ask(stack, path, PATIENCE)
        shown = {"words": " ".join(line.words), "condition": "", "file": line.file}
        # Who has one may well be served, as long as the app itself answers.
        app_status = answer.get("status") or 0
        return {"path": path, "status": status, "app_status": app_status, "certain": bool(app_status), **shown}
    rules = [item for item in configured(root, host, path) if item["status"] == status]
    is_down = stack.properties.get("ActiveState") in DOWN
    if not rules and not is_down and not drained(stack, root, host, path):
        return None
    answer = backend.ask(stack, path, PATIENCE)
    app_status = answer.get("status") or 0
    silent = answer.get("asked") is True and not app_status
    ambiguous = status in GATEWAY_ERRORS
    found = {"path": path, "status": status, "app_status": app_status, "certain": True}
    if rules and (not ambiguous or _is_unconditional(root, rules[0])) and (silent or app_status not in (0, status)):
        return {**found, **_shown(rules[0])}
    if rules and app_status and app_status != status:
        return {**found, **_shown(rules[0]), "certain": False}
    if away := drained(stack, root, host, path):
        return {**found, **away}
    if is_down and silent and not ambiguous:
        return _answered_without(stack, root, host, path, found)
    return None


def _wants_certificate(root: Directive, check: dict[str, Any]) -> Directive | None:
    """The line by which the server that answers a check wants a client's certificate, and refuses all who have none.

    Whatever the request is: nginx looks at that before it looks for a location (ngx_http_process_request()). Its status
    is 400, or what an error_page for 495 or 496 makes of it.
    """
    if urlsplit(check["url"]).scheme != "https":
        return None
    found = nginx_servers.answering_check(root, check["url"], check["host"])
    around = [*root.all("http"), *([found.server] if found else [])]
    line = nginx_config.inherited(around, "ssl_verify_client")
    return line if line and line.value == "on" else None


def _answered_without(
    stack: Stack, root: Directive, host: str, path: str, found: dict[str, Any]
) -> dict[str, Any] | None:
    """The app does not run, and there is an answer that no proxy gives for that: another server's, or a file's."""
    if other := _other_server(stack, host, path):
        return {**found, **other}
    # In front of nginx there may be one that says 503 for it.
    files = [server.file for server in _servers(root, host)] or [stack.nginx_config]
    return {**found, **NO_RULE, "file": files[0]} if found["status"] < 500 else None


def configured(root: Directive, host: str, path: str) -> list[dict[str, Any]]:
    """nginx's rules that refuse a path under a host's name, the outermost first."""
    return [found for server in _servers(root, host) for found in _refusals(server, path, "")]


def _servers(root: Directive, host: str) -> list[Directive]:
    """The servers whose names take this one; all of them where none does."""
    servers = nginx_servers.servers(root)
    return [item for item in servers if nginx_servers.takes_name(nginx_servers.names(item), host)] or servers


def drained(stack: Stack, root: Directive, host: str, path: str) -> dict[str, Any] | None:
    """Where the app's own address is marked `down` for this path: {words, condition, file}; None where it is not."""
    taking = _taking(stack, host, path)
    if not stack.bind or any(_is_ours(stack, address) for item in taking for address in item["addresses"]):
        return None
    names = {nginx_locations.target_host(item["target"]) for item in taking}
    for group in (item for item in root.walk() if item.name == "upstream" and item.value in names):
        for server in group.all("server"):
            if "down" in server.words[2:] and _is_ours(stack, nginx_locations.with_port(server.value)):
                words = " ".join(server.words)
                return {"words": words[:200], "condition": f"upstream {group.value}"[:200], "file": server.file}
    return None


def _other_server(stack: Stack, host: str, path: str) -> dict[str, Any] | None:
    """Where nginx sends this path to somebody else who takes connections: {words, condition, file}; else None."""
    for item in _taking(stack, host, path):
        others = [address for address in item["addresses"] if not _is_ours(stack, address)]
        if len(others) == len(item["addresses"]) and any(_takes_connections(address) for address in others):
            return {"words": f"proxy_pass {item['target']}"[:200], "condition": "", "file": item["file"]}
    return None


def _taking(stack: Stack, host: str, path: str) -> list[dict[str, Any]]:
    """The locations that hand this path on, of those under this name; the longest prefix wins."""
    servers = [item for item in stack.all_locations if nginx_servers.takes_name(item["server_names"], host)]
    named = servers or stack.locations
    taking = [item for item in named if path.startswith(item["path"])]
    longest = max((len(item["path"]) for item in taking), default=0)
    return [item for item in taking if len(item["path"]) == longest]


def _is_ours(stack: Stack, address: str) -> bool:
    return any(same_address(address, bind) for bind in stack.bind)


def _takes_connections(address: str) -> bool:
    bind = gunicorn_config.parse_bind(address)
    return bind["kind"] in ("tcp", "unix") and not sockets.connects(bind, CONNECT_TIMEOUT)


def _is_unconditional(root: Directive, rule: dict[str, Any]) -> bool:
    """Whether a `return` stands right in a server, so that no location and no app is ever asked (rewrite phase)."""
    servers = [item for item in root.walk() if item.name == "server" and item.block]
    return rule["words"].startswith("return ") and any(rule["directive"] in item.block for item in servers)


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: rule[name] for name in ("words", "condition", "file")}


def _refusals(block: Directive, path: str, condition: str) -> Iterator[dict[str, Any]]:
    for item in block.block:
        status = _status(item)
        if status:
            words = " ".join(item.words)
            found = {"status": status, "words": words[:200], "condition": condition[:200], "file": item.file}
            yield {**found, "directive": item}
        elif item.name == "if":
            yield from _refusals(item, path, " ".join(item.words))
        elif item.name == "location" and _takes(item.words[1:], path):
            yield from _refusals(item, path, condition)


def _status(item: Directive) -> int:
    """The error, or the redirect to one fixed page, that a directive makes nginx answer with; 0 where it is none."""
    if item.name == "return" and re.match(r"^[45]\d\d$", item.value):
        return int(item.value)
    if item.name in ("return", "rewrite"):
        return _redirect(item)
    return RULES.get(item.name, 0) if item.value != "off" else 0


def _redirect(item: Directive) -> int:
    """The status of a redirect to a page that is the same for all; 0 for another directive.

    One that hands the path on, as to https or to another name of the site, refuses nobody.
    """
    target = item.words[-1] if item.name == "return" else (item.words[2:3] or [""])[0]
    if re.search(r"\$(?:request_uri|uri|document_uri|\d|\{)", target):
        return 0
    if item.name == "return":
        if re.match(r"^https?://", item.value):
            return 302
        return int(item.value) if re.match(r"^30[12378]$", item.value) and len(item.words) > 2 else 0
    flag = {"redirect": 302, "permanent": 301}.get(item.words[-1], 0)
    return flag or (302 if re.match(r"^https?://", target) else 0)


def _takes(words: list[str], path: str) -> bool:
    """Whether a location may take a path: of several that may, nginx takes one, and the answer shows which."""
    if words[0] in ("~", "~*"):
        try:
            return bool(re.search(words[-1], path, re.IGNORECASE if words[0] == "~*" else 0))
        except re.error:
            return True
    return path == words[-1] if words[0] == "=" else path.startswith(words[-1])
