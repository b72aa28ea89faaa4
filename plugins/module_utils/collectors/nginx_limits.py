# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What nginx's error log says of this app's requests, by name, and which line of its configuration sets that limit."""

from __future__ import annotations

import os
import re
import stat
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import nginx_log, service
from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_errors, nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accept_queues, accounts

# The directive behind a limit. Of worker_connections the default is 512, of client_max_body_size 1m.
DIRECTIVES = {
    "worker-connections": "worker_connections",
    "open-files": "worker_rlimit_nofile",
    "body-too-big": "client_max_body_size",
    "request-rate": "limit_req",
    "connection-count": "limit_conn",
    "connect-timeout": "proxy_connect_timeout",
    "answer-timeout": "proxy_read_timeout",
    "resolver": "resolver",
    "upstream-certificate": "proxy_ssl_verify",
    "authorization-service": "auth_request",
}

_QUEUE_FULL = "connect-queue-full"
_SOCKET = re.compile(r"connect\(\) to unix:(/\S+) failed")


def collect(
    stack: Stack, asked: dict[str, Any], errors: list[dict[str, Any]], who: access.Account | None
) -> dict[str, Any]:
    """{known, reported} of nginx_log.reports(), and of each known limit what sets it: words, file and line.

    asked: what the edge section holds, for the port and the name of the server. errors: lines of nginx_log.errors().
    who: the account of nginx's workers, which is still refused what `denied` lists; None where it is not known.
    """
    found = nginx_log.reports(errors, asked.get("asked_at", 0))
    root = stack.nginx_root
    for item in found["known"]:
        setting = _setting(root, item, asked) if root else None
        item["words"] = " ".join(setting.words)[:200] if setting else ""
        item["file"], item["line"] = (setting.file, setting.line) if setting else ("", 0)
        if item["name"] == _QUEUE_FULL:
            started = service.started_at(stack.properties)
            item.update(parse_queue(item["text"], errors, started, accept_queues.unix()))
        writes = item["name"] == "temporary-file"
        item["denied"] = [bar for file in item["files"] for bar in _denied(file, who, writes)] if who else []
    return found


def parse_queue(
    text: str, errors: list[dict[str, Any]], since: float, queues: dict[str, tuple[int, int]]
) -> dict[str, Any]:
    """{queue: {refused, waiting, most}} of a Unix socket whose queue was full; empty of TCP.

    text: the newest line that says so. since: when the app was started that has this queue, in seconds since the epoch.
    queues: of accept_queues.unix().
    """
    match = _SOCKET.search(text)
    # nginx writes whole seconds.
    lines = [line for line in errors if line["when"] > since and nginx_errors.name_of(line["text"]) == _QUEUE_FULL]
    found = queues.get(match[1]) if match and lines else None
    return {"queue": {"refused": len(lines), "waiting": found[0], "most": found[1]}} if found else {}


def _denied(file: str, who: access.Account, writes: bool) -> list[dict[str, Any]]:
    """What refuses the account a file at this moment: a folder on the way, or itself; of one to be made, its folder."""
    questions, path = [], file
    while path not in ("", "/"):
        try:
            need = access.ENTER if path != file else access.READ
            questions.append(Question(path, os.stat(path), need))
        except OSError:
            pass  # it is not there, or not yet
        path = os.path.dirname(path)
    if writes and questions:
        made_in = questions[0]
        questions.insert(0, made_in._replace(need=access.WRITE))
    with KernelAccess(who) as kernel:
        return [
            {
                "path": bar.path,
                "folder": os.path.isdir(bar.path),
                "mode": f"{stat.S_IMODE(bar.status.st_mode):04o}",
                "owner": accounts.user_name(bar.status.st_uid),
                "group": accounts.group_name(bar.status.st_gid),
            }
            for bar in kernel.denied(questions[::-1])
        ]


def _setting(root: Directive, item: dict[str, Any], asked: dict[str, Any]) -> Directive | None:
    """The directive that sets a limit where the request was taken; None where nginx's default does, or nothing."""
    name = DIRECTIVES.get(item["name"], "")
    path = item["paths"][0] if item["paths"] else "/"
    checks = asked.get("checks", [])
    check = next(
        (each for each in checks if (urlsplit(each["url"]).path or "/") == path), checks[0] if checks else None
    )
    if not name:
        return None
    around = [root, *root.all("events")]
    if check:
        around += nginx_servers.contexts(root, check["url"], check["host"], path)[1:]
    return nginx_config.inherited(around, name)
