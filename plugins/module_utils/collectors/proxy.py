# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The proxy: nginx's unit, its configuration, and where it sends this app's requests."""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils import gunicorn_config, sockets, systemd
from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge, service
from ansible_collections.rescue502.django.plugins.module_utils.stack import Stack, same_address

UNIT = "nginx.service"
TEST_TIMEOUT = 5.0
_ERROR = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (.*)$")


def collect(stack: Stack, listeners: list[dict[str, Any]]) -> dict[str, Any]:
    """State of nginx, validity of its configuration, upstreams beside listeners, recent errors of this app."""
    shown = systemd.show(UNIT)
    started = service.started_at(shown)
    return {
        "unit": {
            "name": UNIT,
            "load_state": shown.get("LoadState", ""),
            "active_state": shown.get("ActiveState", ""),
            "sub_state": shown.get("SubState", ""),
            "result": shown.get("Result", ""),
            "file_state": shown.get("UnitFileState", ""),
        },
        "test": _test(),
        "config_newer": sorted(p for p in stack.nginx_files if started and _changed(p) > reloaded_at(shown, started)),
        "upstreams": _upstreams(stack, listeners),
        "errors": _errors(stack, time.time() - 300),
    }


def reloaded_at(shown: dict[str, str], started: float) -> float:
    """When nginx last read its configuration: its workers are as old as that. Seconds since the epoch."""
    return max([started, *(sockets.started(item["pid"]) for item in service.processes(shown))])


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _test() -> dict[str, Any]:
    """`nginx -t`: valid, or its message with file and line."""
    try:
        done = subprocess.run(["nginx", "-t", "-q"], capture_output=True, text=True, timeout=TEST_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"asked": False, "valid": None, "message": str(error), "file": "", "line": 0}
    message = next((line for line in done.stderr.splitlines() if "[emerg]" in line), done.stderr.strip())
    place = re.search(r" in (\S+):(\d+)$", message)
    return {
        "asked": True,
        "valid": done.returncode == 0,
        "message": message[:500],
        "file": place.group(1) if place else "",
        "line": int(place.group(2)) if place else 0,
    }


def _upstreams(stack: Stack, listeners: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each address that nginx sends this app's requests to: does the app bind it, does anyone listen there?"""
    found = {}
    for location in stack.locations:
        for address in location["addresses"]:
            bind = gunicorn_config.parse_bind(address)
            found[address] = {
                "address": address,
                "file": location["file"],
                "is_ours": any(same_address(address, own) for own in stack.bind),
                "listening": bool(sockets.matching(bind, listeners)),
            }
    return list(found.values())


def _errors(stack: Stack, since: float) -> list[str]:
    """Lines of nginx's error log about this app's servers since a time; the newest last, at most ten."""
    names = {name for item in stack.locations for name in item["server_names"]} - {"_", ""}
    logs = {item["error_log"] for item in stack.locations} or {""}
    lines = []
    for log in sorted(logs):
        for line in edge.tail(log or "/var/log/nginx/error.log").splitlines():
            match = _ERROR.match(line)
            if match and _epoch(match.group(1)) >= since and (not names or any(f"server: {n}" in line for n in names)):
                lines.append(match.group(3)[:400])
    return lines[-10:]


def _epoch(text: str) -> float:
    try:
        return time.mktime(time.strptime(text, "%Y/%m/%d %H:%M:%S"))
    except ValueError:
        return 0.0
