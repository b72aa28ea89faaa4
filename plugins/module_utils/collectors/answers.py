# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the app itself answers where the edge's answer is wrong: the same, or what nginx does not hand on.

That is headers too big for it, and answers later than it waits.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import backend, nginx_log
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_headers
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

PATIENCE = 5.0
BAD_GATEWAY = 502
# In the error of a connection that was opened, and ended without an answer.
HUNG_UP = ("reset by peer", "RemoteDisconnected", "BadStatusLine", "IncompleteRead", "Broken pipe")
MOST = 2
MOST_CHECKS = 4
Wrong = list[tuple[dict[str, Any], dict[str, Any]]]
SNIPPET = "rescue502-proxy-buffers.conf"


def collect(
    stack: Stack, asked: dict[str, Any], errors: list[dict[str, Any]], wrong: Wrong, listening: bool
) -> dict[str, Any]:
    """{big_headers, buffers, slow, handed_on}.

    errors: nginx's since it last read its configuration, and since the app was started. wrong: checks that were not
    answered as wanted, by edge.wrong(). listening: whether the app listens.

    big_headers: paths whose header nginx refused and that the app itself answers. slow: checks that timed out at the
    edge, with how long the app itself took; status 0 where it did not answer within PATIENCE. handed_on: names of
    checks whose wrong answer is the app's own.
    """
    refused = nginx_log.paths(errors, "upstream sent too big header", MOST)
    # A stream that has begun is an answer, however long it takes.
    late = [check for check in asked.get("checks", []) if check["status"] == 504 or _is_silent(check)]
    # Whether the app is late is asked above; there it is not asked twice.
    spoken = [pair for pair in wrong if pair[1] not in late][:MOST_CHECKS]
    with ThreadPoolExecutor(max_workers=2 * MOST + MOST_CHECKS) as pool:
        # All are asked before any is waited for: together they have PATIENCE.
        asking = (
            pool.map(lambda pair: _is_the_apps(stack, pair, asked["origin"], listening), spoken),
            pool.map(lambda path: _big_header(stack, path), refused),
            pool.map(lambda check: _slow(stack, check), late[:MOST]),
        )
        own, big, slow = list(asking[0]), list(asking[1]), list(asking[2])
    return {
        "big_headers": unread.reported(
            [item for item in big if 0 < item["status"] < 500], "nginx's error log", nginx_log.barred(stack)
        ),
        "buffers": _buffers(stack, max((item["header_bytes"] for item in big), default=0)),
        "slow": [item for item in slow if item],
        "handed_on": [answer["name"] for (_wanted, answer), is_own in zip(spoken, own) if is_own],
    }


def _is_silent(check: dict[str, Any]) -> bool:
    return not check["status"] and "no answer" in check["error"]


def _is_the_apps(stack: Stack, check: tuple[dict[str, Any], dict[str, Any]], origin: str, listening: bool) -> bool:
    """Whether the app itself, asked past nginx, gives the wrong answer that the edge showed, or hangs up on nginx."""
    wanted, shown = check
    host, headers = nginx_headers.handed_on(stack.nginx_root, wanted)
    answer = backend.make_check(stack, {**wanted, "host": host, "headers": headers}, origin, PATIENCE)
    if answer["asked"] is not True:
        return False
    hung_up = listening and not answer["status"] and any(word in answer["error"] for word in HUNG_UP)
    return answer["problem"] == shown["problem"] or (shown["status"] == BAD_GATEWAY and hung_up)


def _big_header(stack: Stack, path: str) -> dict[str, Any]:
    answer = backend.ask(stack, path, PATIENCE)
    return {"path": path, "status": answer.get("status", 0), "header_bytes": answer.get("header_bytes", 0)}


def _slow(stack: Stack, check: dict[str, Any]) -> dict[str, Any] | None:
    """A check that timed out: how long nginx waits for the app there, and how long the app takes."""
    path = urlsplit(check["url"]).path or "/"
    answer = backend.ask(stack, path, PATIENCE)
    if not answer["asked"]:
        return None
    waits = min((item["read_timeout"] for item in stack.locations), default=60.0)
    return {
        "path": path,
        "edge_status": check["status"],
        "status": answer["status"],
        "seconds": answer["seconds"],
        "nginx_waits": waits,
        "later_than_nginx_waits": check["status"] == 504 and (not answer["status"] or answer["seconds"] > waits),
    }


def _buffers(stack: Stack, header_bytes: int) -> dict[str, Any]:
    """How big a header nginx takes, which file says so, and where a file that says more could be put.

    `snippet` is empty where a server or location has its own value, which would win over one of the http context.
    """
    size = max((item["buffer_size"] for item in stack.locations), default=0)
    set_in = next((item["buffer_size_file"] for item in stack.locations if item["buffer_size_file"]), "")
    needed = 16
    while needed < 64 and needed * 1024 < header_bytes * 1.25:
        needed *= 2
    snippet = os.path.join(stack.nginx_folders[0], SNIPPET) if stack.nginx_folders else ""
    return {
        "size": size or os.sysconf("SC_PAGE_SIZE"),
        "set_in": set_in,
        "needed_kib": needed,
        "snippet": "" if set_in and set_in != snippet else snippet,
    }
