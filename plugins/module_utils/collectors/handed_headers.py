# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the headers that nginx sends are why a check fails: the app is asked with them, and with a visitor's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers, backend
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_headers,
    nginx_servers,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_headers import Sent
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

PATIENCE = 3.0
MOST = 4
# By which an app learns how a visitor came: gunicorn's secure_scheme_headers, Django's SECURE_PROXY_SSL_HEADER and
# USE_X_FORWARDED_HOST, and what other frameworks call the same.
FORWARDED = (
    "x-forwarded-proto", "x-forwarded-protocol", "x-forwarded-ssl", "x-forwarded-scheme", "x-forwarded-host",
    "x-forwarded-port", "x-scheme", "x-url-scheme", "front-end-https", "forwarded",
)  # fmt: skip


def collect(stack: Stack, wrong: answers.Wrong, origin: str) -> list[dict[str, Any]]:
    """For each failed check that an answer came to: what nginx sends, and what is at fault of that.

    {name, path, host, visitors_host, written, file, line, forwarded, host_at_fault, forwarded_at_fault}, and {origin},
    its line, where that is at fault. At fault is what the app answers as badly as the edge did, and well as soon as
    that alone is as the visitor sent it.
    """
    spoken = [pair for pair in wrong if pair[1]["status"] not in (0, 502, 504)][:MOST]
    root = stack.nginx_root
    if not spoken or not root:
        return []
    with ThreadPoolExecutor(max_workers=MOST) as pool:
        return [item for item in pool.map(lambda pair: _handed(stack, root, pair, origin), spoken) if item]


def _handed(
    stack: Stack, root: Directive, check: tuple[dict[str, Any], dict[str, Any]], origin: str
) -> dict[str, Any] | None:
    wanted, shown = check
    url = urlsplit(wanted["url"])
    visitors = wanted.get("host") or nginx_servers.netloc(wanted["url"])
    found = nginx_servers.answering_check(root, wanted["url"], visitors)
    request = nginx_headers.Request(url.scheme, visitors, url.path or "/", origin)
    sent = nginx_headers.sent(root, found.server, request) if found else None
    if not sent or "host" not in sent or not sent["host"].value:
        return None
    host, forwarded = sent["host"], {name: item for name, item in sent.items() if name in FORWARDED}

    def is_as_bad(host: str, headers: dict[str, str]) -> bool | None:
        """Whether the app's answer has the edge's problem; None where it has another one."""
        answer = backend.make_check(stack, {**wanted, "host": host, "headers": headers}, origin, PATIENCE)
        bad = answer["asked"] is True and bool(answer["status"]) and answer["problem"] == shown["problem"]
        return True if bad else (False if answer.get("well") is True else None)

    passed = {"Origin": sent["origin"].value} if "origin" in sent else {}
    ways = {name: item.value for name, item in forwarded.items() if item.value}
    values, usual = {**ways, **passed}, {"x-forwarded-proto": url.scheme, **passed}
    as_nginx = is_as_bad(host.value, values)
    barred = bool(as_nginx and passed and passed["Origin"] != origin and is_as_bad(host.value, ways) is False)
    return {
        "name": shown["name"],
        "path": url.path or "/",
        "host": host.value[:200],
        "visitors_host": visitors[:200],
        "written": host.written[:200],
        "file": host.file,
        "line": host.line,
        "forwarded": [_shown(name, item) for name, item in sorted(forwarded.items())],
        "host_at_fault": bool(as_nginx and host.value != visitors and is_as_bad(visitors, values) is False),
        **({"origin": _shown("origin", sent["origin"])} if barred else {}),
        "forwarded_at_fault": bool(as_nginx and values != usual and is_as_bad(host.value, usual) is False),
    }


def _shown(name: str, item: Sent) -> dict[str, Any]:
    return {"name": name, "value": item.value[:200], "file": item.file, "line": item.line}
