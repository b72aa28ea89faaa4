# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The proxy: nginx's unit, its configuration, and where it sends this app's requests."""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils import nginx_process, sockets, systemd
from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    answers,
    edge,
    nginx_log,
    service,
    upstreams,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import Stack

UNIT = "nginx.service"
TEST_TIMEOUT = 5.0
RECENT = 300.0


def collect(stack: Stack, listeners: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """State of nginx, validity of its configuration, upstreams beside listeners, what nginx said of this app's answers.

    asked: what the edge section holds; of checks that timed out there the backend itself is asked.
    """
    shown = systemd.show(UNIT)
    started = service.started_at(shown)
    reloaded = reloaded_at(shown, started)
    # A certificate that was renewed on disk counts where the one that nginx still shows is refused.
    refused = any(check["error"].startswith("certificate:") for check in asked.get("checks", []))
    renewed = edge.certificate_paths(stack) if refused else []
    errors = nginx_log.errors(stack, time.time() - RECENT)
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
        "config_newer": sorted(p for p in [*stack.nginx_files, *renewed] if started and _changed(p) > reloaded),
        "user": nginx_process.user(stack, shown),
        "behind_nginx": stack.behind_nginx,
        "included": stack.nginx_folders,
        "unused": [] if stack.behind_nginx else upstreams.unused_files(stack),
        "upstreams": upstreams.collect(stack, listeners, shown),
        "errors": [item["text"] for item in errors][-10:],
        "stalled_paths": nginx_log.paths(errors, "upstream timed out|upstream prematurely closed"),
        **answers.collect(stack, asked, [item for item in errors if item["when"] >= int(reloaded)]),
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
