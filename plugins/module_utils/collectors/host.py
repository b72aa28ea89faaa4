# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host below it all: file systems, memory, time."""

from __future__ import annotations

import os
import platform
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.stack import Stack

USUAL_PLACES = ("/", "/tmp", "/var/log", "/var/lib/postgresql", "/run")


def collect(stack: Stack) -> dict[str, Any]:
    """File systems that the app, its logs or its database live on; memory in MiB; uptime in seconds."""
    places = [stack.root, stack.venv, stack.server.errorlog, stack.server.accesslog, *USUAL_PLACES]
    mounts: dict[int, dict[str, Any]] = {}
    for place in places:
        facts = _file_system(place)
        if facts:
            mounts.setdefault(facts.pop("device"), facts)["used_for"].append(place)
    systems = list(mounts.values())
    return {
        "file_systems": systems,
        "full": [item for item in systems if item["free_mib"] < 1 and item["total_mib"] > 0],
        "without_inodes": [item for item in systems if item["inodes"] and not item["free_inodes"]],
        "read_only": [item for item in systems if item["read_only"]],
        "memory": _memory(),
        "load": os.getloadavg()[0],
        "cpus": os.cpu_count() or 1,
        "uptime": _uptime(),
        "system": _os_release(),
        "kernel": platform.release(),
        "name": platform.node(),
    }


def _file_system(place: str) -> dict[str, Any] | None:
    if not place.startswith("/"):
        return None
    while not os.path.exists(place):
        place = os.path.dirname(place)
    try:
        numbers = os.statvfs(place)
        device = os.stat(place).st_dev
    except OSError:
        return None
    return {
        "device": device,
        "used_for": [],
        "total_mib": numbers.f_blocks * numbers.f_frsize // 2**20,
        "free_mib": numbers.f_bavail * numbers.f_frsize // 2**20,
        "inodes": numbers.f_files,
        "free_inodes": numbers.f_favail,
        "read_only": bool(numbers.f_flag & os.ST_RDONLY),
    }


def _memory() -> dict[str, int]:
    values = {}
    with open("/proc/meminfo", encoding="utf-8") as file:
        for line in file:
            name, _colon, rest = line.partition(":")
            values[name] = int(rest.split()[0]) // 1024
    return {"total": values.get("MemTotal", 0), "available": values.get("MemAvailable", 0)}


def _uptime() -> float:
    with open("/proc/uptime", encoding="utf-8") as file:
        return float(file.read().split()[0])


def _os_release() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            lines = dict(line.rstrip("\n").partition("=")[::2] for line in file if "=" in line)
    except OSError:
        return platform.system()
    return lines.get("PRETTY_NAME", "").strip('"')
