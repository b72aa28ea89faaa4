# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of nginx's error log that are about this app, and the requests that they name."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_errors
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

LINE_LENGTH = 400
MOST = 5
# For how long nginx does not dial a server of an upstream that did not answer (fail_timeout; 10 s by default).
FAIL_TIMEOUT = 10.0
NO_CONNECTION = ("connect-refused", "connect-unreachable", "connect-timeout")
_UPSTREAM = re.compile(r'upstream: "\w+://(\[[0-9a-f:]+\]|[0-9.]+):(\d+)')
DEFAULT = "/var/log/nginx/error.log"
_ERROR = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (.*)$")
# Only what may be asked again without doing anything.
_REQUEST = re.compile(r'request: "(?:GET|HEAD) (/[^ ?"]*)')


def errors(stack: Stack, since: float) -> list[dict[str, Any]]:
    """Lines about this app's servers since a time, the newest last: {when, level, text, path}; path without its query.

    A line that names no server is about all of them, as where a worker has no connection or file left.
    """
    # Of a name with a leading dot, nginx writes what follows it (ngx_http_core_server_name()).
    names = {name.lstrip(".") for item in stack.locations for name in item["server_names"]} - {"_", ""}
    found = []
    for log in _logs(stack):
        for line in edge.tail(log).splitlines():
            match = _ERROR.match(line)
            when = _epoch(match.group(1)) if match else 0.0
            ours = not names or ", server: " not in line or any(f"server: {name}," in line for name in names)
            if match and when >= since and ours:
                request = _REQUEST.search(line)
                path = request.group(1)[:200] if request else ""
                text = match.group(3)[:LINE_LENGTH]
                found.append({"when": when, "level": match.group(2), "text": text, "path": path})
    return sorted(found, key=lambda item: item["when"])


def barred(stack: Stack) -> str:
    """Why this account may not read nginx's error logs; empty where it may."""
    return next((why for log in _logs(stack) if (why := unread.sealed(log))), "")


def _logs(stack: Stack) -> list[str]:
    named = {item["error_log"] or DEFAULT for item in stack.locations}
    return sorted(named | {stack.nginx_error_log or DEFAULT})


def reports(found: list[dict[str, Any]], asked_at: float = 0.0) -> dict[str, Any]:
    """What these lines say, by name: {known, reported}. asked_at: when the checks of this look were made; 0: unknown.

    known: {name, text, count, paths, files} of each limit or failure that is known by name, the newest line first;
    files are those that nginx's workers were refused. `earlier` is added, as True, where nginx has not said so again
    since the checks were made. reported: the newest severe lines of which nothing is known.
    """
    named: dict[str, dict[str, Any]] = {}
    now = _said_now_since(found, asked_at)
    reported: list[str] = []
    for item in reversed(found):
        name = nginx_errors.name_of(item["text"])
        if not name and item["level"] in nginx_errors.SEVERE and item["text"] not in reported:
            reported.append(item["text"])
        if not name or name == nginx_errors.ORDINARY:
            continue
        text = in_short(item["text"]).partition(", client: ")[0]
        if name not in named:
            earlier = {"earlier": True} if item["when"] < now else {}
            named[name] = {"name": name, "text": text, "count": 0, "paths": [], "files": [], **earlier}
        entry = named[name]
        entry["count"] += 1
        path, file = nginx_errors.request(item["text"])[1][:200], nginx_errors.denied_file(item["text"])[:300]
        for key, value in (("paths", path), ("files", file)):
            if value and value not in entry[key] and len(entry[key]) < MOST:
                entry[key].append(value)
    return {"known": list(named.values()), "reported": reported[:MOST]}


def _said_now_since(found: list[dict[str, Any]], asked_at: float) -> float:
    """From when on a line is about the present: nginx writes whole seconds, and dials a server that failed not anew."""
    since = float(int(asked_at))
    waits = any(item["when"] >= since and nginx_errors.name_of(item["text"]) == "no-live-upstreams" for item in found)
    return since - FAIL_TIMEOUT if waits else since


def in_short(text: str) -> str:
    """A line without the connection's number, so that lines which say the same are the same."""
    return re.sub(r"^\*\d+ ", "", text)


def dialled_in_vain(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """(address, port) of each server of TCP that nginx got no connection to, once; the newest first."""
    lines = [item["text"] for item in reversed(found) if nginx_errors.name_of(item["text"]) in NO_CONNECTION]
    matches = [_UPSTREAM.search(line) for line in lines]
    return list(dict.fromkeys((match[1].strip("[]"), int(match[2])) for match in matches if match))


def paths(found: list[dict[str, Any]], pattern: str, most: int = 3) -> list[str]:
    """Paths of the requests in lines that match, the most frequent first."""
    counted = Counter(item["path"] for item in found if item["path"] and re.search(pattern, item["text"]))
    return [path for path, _count in counted.most_common(most)]


def _epoch(text: str) -> float:
    try:
        return time.mktime(time.strptime(text, "%Y/%m/%d %H:%M:%S"))
    except ValueError:
        return 0.0
