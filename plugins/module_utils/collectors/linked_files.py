# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Styles, scripts and images that the app's own pages link to, and that a visitor does not get as the app has them.

The pages are asked for through nginx as a browser would, and then what they link to below STATIC_URL and MEDIA_URL.
"""

from __future__ import annotations

import os
import posixpath
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge, old_copy
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

PATIENCE = 2.0
MOST_PAGES = 4
MOST_FILES = 12
SECONDS = 4.0
_HANDED_ON = ("proxy_pass", "uwsgi_pass", "grpc_pass", "fastcgi_pass", "try_files")
# As in django.contrib.staticfiles.storage.HashedFilesMixin.hashed_name().
_HASH = re.compile(r"\.[0-9a-f]{12}(?=\.[^./]*$|$)")
_LINKS = {"link": "href", "script": "src", "img": "src", "source": "src", "video": "src"}
# Of `link` those that a browser loads to show the page.
_LOADED = {"stylesheet", "icon", "preload", "modulepreload"}


class _Links(HTMLParser):
    """What a page has a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        link = values.get(_LINKS.get(tag, ""), "")
        if link and (tag != "link" or _LOADED & set(values.get("rel", "").lower().split())):
            self.found.append(link)


def collect(stack: Stack, asked: dict[str, Any], configured: list[dict[str, Any]], rehearsed: Any) -> list[Any]:
    """{page, name, kind, status, path, there, state, words, file, line, old_copy} of each, of a site that is well.

    asked: the edge's answers; configured: the user's checks. kind: static or media. path: where the app keeps it.
    there: whether it is there. state: missing or older where collectstatic would copy it, else empty. words, file,
    line: of the location that answers from disk; empty where the app was asked. old_copy: see that file.
    """
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    step, settings = steps.get("collected") or {}, steps.get("settings") or {}
    if asked.get("well") is not True or not step.get("static_url") or not settings.get("ok"):
        return []
    pairs = zip(edge.checks_for(stack, configured), asked["checks"])
    checks = [item for item, answer in pairs if answer["status"] == 200 and not item.get("preflight")]
    found: dict[str, dict[str, Any]] = {}
    until = time.monotonic() + SECONDS
    for check, page in _pages(checks, step["pages"]):
        for url in _linked(check, page) if time.monotonic() < until else []:
            if url in found or len(found) >= MOST_FILES or time.monotonic() > until:
                continue
            if item := _facts(stack, check, page, url, step, settings):
                found[url] = item
    return [item for item in found.values() if _is_amiss(item)]


def _pages(checks: list[dict[str, Any]], logins: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """(check, path) of the pages that are asked for: the checks' own, and login forms, by TLS where it is served."""
    own = [(check, urlsplit(check["url"]).path or "/") for check in checks]
    servers = sorted(checks, key=lambda check: not check["url"].startswith("https:"))
    more = [(servers[0], path) for path in logins] if servers else []
    yield from [*more, *(item for item in own if item not in more)][:MOST_PAGES]


def _ask(check: dict[str, Any], url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    host, verify = check.get("host") or "", check.get("verify_tls", True)
    return http_client.ask(url, host, verify, "", PATIENCE, more_headers=headers)


def _linked(check: dict[str, Any], page: str) -> list[str]:
    """The addresses at this very site of what a page has a browser load; none where it is not a page."""
    url = urljoin(check["url"], page)
    answer = _ask(check, url)
    if answer["status"] != 200 or "text/html" not in answer["headers"].get("content-type", ""):
        return []
    links = _Links()
    links.feed(answer["body"])
    here, names = urlsplit(url), {urlsplit(url).netloc, check.get("host") or urlsplit(url).netloc}
    parts = [urlsplit(urljoin(url, link)) for link in links.found]
    own = [item for item in parts if item.netloc in names and item.scheme in ("http", "https")]
    return list(dict.fromkeys(item._replace(scheme=here.scheme, netloc=here.netloc).geturl() for item in own))


def _facts(
    stack: Stack, check: dict[str, Any], page: str, url: str, step: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any] | None:
    """The facts of one address; None where it is of neither STATIC_URL nor MEDIA_URL."""
    path = urlsplit(url).path
    for kind, begin, folder in (
        ("static", urlsplit(step["static_url"]).path, settings.get("static_root") or ""),
        ("media", urlsplit(step["media_url"]).path, settings.get("media_root") or ""),
    ):
        name = posixpath.normpath(unquote(path[len(begin) :]))
        if len(begin) > 1 and path.startswith(begin) and folder and not name.startswith(("..", "/")):
            kept = os.path.join(folder, name)
            answer = {"page": page, "name": path[:300], "kind": kind, "status": _ask(check, url)["status"]}
            facts = {"path": kept[:300], "there": os.path.isfile(kept), "state": _state(name, step, kind)}
            old = old_copy.served(kept, lambda headers: _ask(check, url, headers))
            return {**answer, **facts, **_place(stack, check, path), **({"old_copy": old} if old else {})}
    return None


def _is_amiss(item: dict[str, Any]) -> bool:
    """Whether visitors do not get the file, though the app has it, or get an older one from nginx."""
    if item["status"] == 404:
        return bool(item["there"] or item["state"])
    return bool(item.get("old_copy") or (item["status"] == 200 and item["state"] == "older" and item["words"]))


def _state(name: str, step: dict[str, Any], kind: str) -> str:
    """Why collectstatic would copy a file: missing or older, else empty. Django's manifest adds a hash to names."""
    names = {name, _HASH.sub("", name)} if kind == "static" else set()
    return next((state for state in ("missing", "older") if names & set(step[state])), "")


def _place(stack: Stack, check: dict[str, Any], path: str) -> dict[str, Any]:
    """{words, file, line} of the alias or root of the location that takes a path; empty where it is handed on."""
    nowhere = {"words": "", "file": "", "line": 0}
    if stack.nginx_root is None:
        return nowhere
    contexts = nginx_servers.contexts(stack.nginx_root, check["url"], check.get("host") or "", path)
    if any(item.name in _HANDED_ON for item in contexts[-1].block):
        return nowhere
    line = nginx_config.inherited(contexts, "alias") or nginx_config.inherited(contexts, "root")
    return {"words": " ".join(line.words)[:200], "file": line.file, "line": line.line} if line else nowhere
