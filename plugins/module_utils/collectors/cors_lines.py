# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who says what about CORS in an answer that a browser keeps from the front end: lines of nginx's, or the app.

Source: nginx.org/en/docs/http/ngx_http_headers_module.html#add_header.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers, backend
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

PATIENCE = 3.0
MOST = 4
HEADER = "access-control-allow-origin"
# To answers of other statuses nginx adds a header only where its line says `always`.
ADDED_WITHOUT_ALWAYS = (200, 201, 204, 206, 301, 302, 303, 304, 307, 308)


def collect(stack: Stack, wrong: answers.Wrong, origin: str) -> list[dict[str, Any]]:
    """For each failed check whose answer the front end may not read, and about which nginx has a line.

    {name, path, status, allowed, fault, words, file, line, app_allowed, app_asked, instead}. fault: `doubled` where
    nginx and the app both say it, `success-only` where nginx does so only on success, `not-inherited` where lines of an
    inner block take the place of the outer one's, `other-origin` where nginx allows another, `hidden` where it takes
    the app's own out. words, file, line: of the line that nginx has. instead: of `not-inherited`, the first line that
    takes its place, with its file and line.
    """
    root = stack.nginx_root
    if not root or not origin:
        return []
    barred = [pair for pair in wrong if pair[1]["status"] and pair[1]["cors"] and not pair[1]["cors"]["well"]]
    found = [_check(stack, root, pair, origin) for pair in barred[:MOST]]
    return [item for item in found if item]


def _check(
    stack: Stack, root: Directive, check: tuple[dict[str, Any], dict[str, Any]], origin: str
) -> dict[str, Any] | None:
    wanted, shown = check
    path, allowed = urlsplit(wanted["url"]).path or "/", str(shown["cors"]["allowed"])
    contexts = nginx_servers.contexts(root, wanted["url"], wanted.get("host") or "", path)
    hiding = _hiding(contexts) if not allowed else None
    said = said_by_nginx(contexts) or ((hiding, None) if hiding else None)
    if said is None:
        return None
    line, instead = said
    own = backend.make_check(stack, wanted, origin, PATIENCE)
    app_allowed = str((own.get("cors") or {}).get("allowed", ""))
    fault = _fault(line, instead, shown["status"], allowed, app_allowed)
    if line is hiding:
        fault = "hidden" if app_allowed in ("*", origin) else ""
    if not fault:
        return None
    return {
        "name": shown["name"],
        "path": path,
        "status": shown["status"],
        "allowed": allowed[:200],
        "fault": fault,
        "words": " ".join(line.words)[:200],
        "file": line.file,
        "line": line.line,
        "app_allowed": app_allowed[:200],
        "app_asked": bool(own.get("status")),
        "instead": f"{' '.join(instead.words)[:200]} in {instead.file}, line {instead.line}" if instead else "",
    }


def with_doubled(started: dict[str, Any], stack: Stack, wrong: answers.Wrong) -> dict[str, Any]:
    """The section of a shadow start with `cors_doubled` too, where there is any.

    That is {name, allowed, words, file, line} of each check to whose answer nginx adds a second header of allowed
    origins. line: nginx's own, if its value is known not to be empty (nginx adds no header without a value).
    """
    allowed = {check["name"]: check["allowed"] for check in started.get("checks", []) if "allowed" in check}
    root, found = stack.nginx_root, []
    for wanted, _shown in wrong if root and allowed else ():
        name, path = wanted.get("name") or wanted["url"], urlsplit(wanted["url"]).path or "/"
        contexts = nginx_servers.contexts(root, wanted["url"], wanted.get("host") or "", path) if root else []
        line, instead = said_by_nginx(contexts) or (None, None)
        value = line.words[2] if line and len(line.words) > 2 else ""
        adds = bool(value) and ("$" not in value or value == "$http_origin") and not instead
        if line and adds and allowed.get(name) and not _hiding(contexts):
            words = " ".join(line.words)[:200]
            found.append({"name": name, "allowed": allowed[name], "words": words, "file": line.file, "line": line.line})
    return {**started, **({"cors_doubled": found[:MOST]} if found else {})}


def said_by_nginx(contexts: list[Directive]) -> tuple[Directive, Directive | None] | None:
    """(nginx's own line about allowed origins, the line of an inner block that keeps it from being inherited).

    None where nginx has no such line. Lines of add_header are inherited only by blocks that have none of their own.
    """
    levels = [lines for context in contexts if (lines := _added(context))]
    lines = levels[-1] if levels else []
    if line := _about_origins(lines):
        return line, None
    outer = next((found for level in reversed(levels[:-1]) if (found := _about_origins(level))), None)
    return (outer, lines[0]) if outer else None


def _added(block: Directive) -> list[Directive]:
    """Its lines of add_header; those of an `if` right in it are the request's to choose."""
    return block.all("add_header")


def _hiding(contexts: list[Directive]) -> Directive | None:
    """The line by which nginx takes the app's own header out of its answers.

    Lines of proxy_hide_header are inherited only by blocks that have none of their own; headers-more's clear it in each
    block that they stand in or around.
    """
    levels = [lines for context in contexts if (lines := context.all("proxy_hide_header"))]
    hidden = [item for item in (levels[-1] if levels else []) if item.value.lower() == HEADER]
    cleared = [item for context in contexts for item in context.all("more_clear_headers")]
    return next(iter([*hidden, *(item for item in cleared if _clears(item))]), None)


def _clears(line: Directive) -> bool:
    return any(fnmatchcase(HEADER, name.lower()) for word in line.words[1:] for name in word.split())


def _about_origins(lines: list[Directive]) -> Directive | None:
    return next((item for item in lines if item.value.lower() == HEADER), None)


def _fault(line: Directive, instead: Directive | None, status: int, allowed: str, app_allowed: str) -> str:
    """What is wrong with nginx's line, as the answer shows it; empty where that does not follow from it."""
    always = line.words[-1] == "always" and len(line.words) > 3
    if instead:
        return "" if allowed else "not-inherited"
    if "," in allowed:
        return "doubled"
    if not allowed:
        return "" if always or status in ADDED_WITHOUT_ALWAYS else "success-only"
    return "other-origin" if allowed != app_allowed else ""
