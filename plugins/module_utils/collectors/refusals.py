# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Errors that nginx answers with by itself, because its configuration says so, where the app would answer otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import backend
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

PATIENCE = 2.0
MOST = 3
# What an access rule answers with; a `return` names its own status.
RULES = {"deny": 403, "auth_basic": 401}


def collect(stack: Stack, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Checks that nginx is configured to refuse: {path, status, words, condition, file, app_status}.

    asked: what the edge section holds. The app itself is asked for each path, so that an error of its own is not
    taken for nginx's. `condition` is that of the `if` around it.
    """
    failed = [check for check in asked.get("checks", []) if not check["well"] and check["status"] >= 400]
    if not failed or not stack.nginx_config:
        return []
    try:
        root, _files = nginx_config.load(stack.nginx_config)
    except OSError:
        return []
    found = []
    for check in failed[:MOST]:
        path = urlsplit(check["url"]).path or "/"
        host = check["host"] or urlsplit(check["url"]).hostname or ""
        rules = [item for item in configured(root, host, path) if item["status"] == check["status"]]
        answer = backend.ask(stack, path, PATIENCE) if rules else {}
        if answer.get("status") and answer["status"] != check["status"]:
            found.append({"path": path, "app_status": answer["status"], **rules[0]})
    return found


def configured(root: Directive, host: str, path: str) -> list[dict[str, Any]]:
    """nginx's rules that refuse a path under a host's name, the outermost first."""
    servers = [item for item in root.walk() if item.name == "server" and item.block]
    named = [item for item in servers if host in [name for line in item.all("server_name") for name in line.words[1:]]]
    return [found for server in named or servers for found in _refusals(server, path, "")]


def _refusals(block: Directive, path: str, condition: str) -> Iterator[dict[str, Any]]:
    for item in block.block:
        status = _status(item)
        if status:
            words = " ".join(item.words)
            yield {"status": status, "words": words[:200], "condition": condition[:200], "file": item.file}
        elif item.name == "if":
            yield from _refusals(item, path, " ".join(item.words))
        elif item.name == "location" and _takes(item.words[1:], path):
            yield from _refusals(item, path, condition)


def _status(item: Directive) -> int:
    """The error that a directive makes nginx answer with; 0 where it is none."""
    if item.name == "return" and re.match(r"^[45]\d\d$", item.value):
        return int(item.value)
    return RULES.get(item.name, 0) if item.value != "off" else 0


def _takes(words: list[str], path: str) -> bool:
    """Whether a location may take a path: of several that may, nginx takes one, and the answer shows which."""
    if words[0] in ("~", "~*"):
        try:
            return bool(re.search(words[-1], path, re.IGNORECASE if words[0] == "~*" else 0))
        except re.error:
            return True
    return path == words[-1] if words[0] == "=" else path.startswith(words[-1])
