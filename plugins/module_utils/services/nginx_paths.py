# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path that nginx sends to the app, as far as its configuration says so: a proxy_pass with a path, or a rewrite.

Sources: nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass and ngx_http_rewrite_module.html#rewrite.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive

# nginx itself gives up after ten (ngx_http_core_module: "rewrite or internal redirection cycle").
MOST_ROUNDS = 10
# The path of a socket is none of a request's, unless a colon ends it.
_URI = re.compile(r"^\w+://(?:unix:[^:]+:|(?!unix:)[^/$]+)(/.*)$")
_GROUP = re.compile(r"\$(\d)")
# Flags by which a rewrite answers the visitor, and nothing is sent.
_ANSWERS = ("redirect", "permanent")


class Sent(NamedTuple):
    """A path, and the line that makes it another one than the visitor's; None where it stays as it is."""

    path: str
    line: Directive | None


def sent(server: Directive, path: str) -> Sent | None:
    """The path that a server sends on for a visitor's path; None where it sends none, or a variable decides."""
    rewritten = _rewritten(server, Sent(path, None))
    for _round in range(MOST_ROUNDS):
        if rewritten is None:
            return None
        now = rewritten[0]
        taking = nginx_servers.location(server, now.path)
        if not taking:
            return None
        rewritten = _rewritten(taking[-1], now)
        if rewritten is None or rewritten[1] != "last":
            return _passed(taking[-1], rewritten) if rewritten else None
    return None


def _rewritten(block: Directive, before: Sent) -> tuple[Sent, str] | None:
    """(what the rewrites right in a block make of it, the flag of the last one); None where they answer by themselves.

    A condition is the request's to meet, so that rewrites in an `if` are left out.
    """
    now = before
    for item in block.all("rewrite"):
        pattern, target, flag = [*item.words[1:], "", "", ""][:3]
        try:
            match = re.search(pattern, now.path)
        except re.error:
            return None
        if not match:
            continue
        target = _filled(target, now.path, match)
        if flag in _ANSWERS or "$" in target or "://" in target:
            return None
        now = Sent(target.partition("?")[0], item)
        if flag in ("last", "break"):
            return now, flag
    return now, ""


def _filled(target: str, path: str, match: re.Match[str]) -> str:
    """A rewrite's target with what its pattern has taken, and the path that it was given."""
    groups = [value or "" for value in match.groups()] + [""] * 9
    named = re.sub(r"\$(?:document_)?uri\b", lambda _found: path, target)
    return _GROUP.sub(lambda found: groups[int(found[1]) - 1], named)


def _passed(location: Directive, rewritten: tuple[Sent, str]) -> Sent | None:
    """What the location's proxy_pass sends; None where it has none of its own, or a variable in it."""
    now, flag = rewritten
    line = next(iter(location.all("proxy_pass")), None)
    if line is None or "$" in line.value:
        return None
    uri = _URI.match(line.value)
    is_prefix = location.value not in ("~", "~*") and not location.words[-1].startswith("@")
    # A path that was rewritten with `break` takes the place of the one in proxy_pass.
    if not uri or not is_prefix or flag == "break":
        return now
    return Sent(uri[1] + now.path[len(location.words[-1]) :], line)
