# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of nginx's error log that are about this app, and the requests that they name."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

LINE_LENGTH = 400
DEFAULT = "/var/log/nginx/error.log"
_ERROR = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (.*)$")
# Only what may be asked again without doing anything.
_REQUEST = re.compile(r'request: "(?:GET|HEAD) (/[^ ?"]*)')


def errors(stack: Stack, since: float) -> list[dict[str, Any]]:
    """Lines about this app's servers since a time, the newest last: {when, text, path}; path without its query."""
    names = {name for item in stack.locations for name in item["server_names"]} - {"_", ""}
    found = []
    for log in _logs(stack):
        for line in edge.tail(log).splitlines():
            match = _ERROR.match(line)
            when = _epoch(match.group(1)) if match else 0.0
            if match and when >= since and (not names or any(f"server: {n}," in line for n in names)):
                request = _REQUEST.search(line)
                path = request.group(1)[:200] if request else ""
                found.append({"when": when, "text": match.group(3)[:LINE_LENGTH], "path": path})
    return sorted(found, key=lambda item: item["when"])


def barred(stack: Stack) -> str:
    """Why this account may not read nginx's error logs; empty where it may."""
    return next((why for log in _logs(stack) if (why := unread.sealed(log))), "")


def _logs(stack: Stack) -> list[str]:
    return sorted({item["error_log"] or DEFAULT for item in stack.locations} or {DEFAULT})


def paths(found: list[dict[str, Any]], pattern: str, most: int = 3) -> list[str]:
    """Paths of the requests in lines that match, the most frequent first."""
    counted = Counter(item["path"] for item in found if item["path"] and re.search(pattern, item["text"]))
    return [path for path, _count in counted.most_common(most)]


def _epoch(text: str) -> float:
    try:
        return time.mktime(time.strptime(text, "%Y/%m/%d %H:%M:%S"))
    except ValueError:
        return 0.0
