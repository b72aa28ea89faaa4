# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host below it all: memory, limits, names. File systems are in storage.py."""

from __future__ import annotations

import os
import platform
import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import closed_paths, policy_denials, service
from ansible_collections.rescue502.django.plugins.module_utils.django_app import unit_resolver
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    conntrack,
    local_ports,
    name_resolution,
    oom_kills,
    processes,
    systemd,
    unread,
)

# In percent of the time: what is below is met on hosts that are well.
STALLED = 10.0


def collect(stack: Stack, evidence: dict[str, Any], busy: list[dict[str, Any]]) -> dict[str, Any]:
    """Memory in MiB and who ran out of it, open files at their limit, uptime in seconds.

    evidence: what the quick look found. busy: of processor_time.busy().
    """
    started = service.started_at(stack.properties)
    own = [item["pid"] for item in evidence["service"].get("processes", [])]
    exhausted = {"local_ports": local_ports.exhausted(), "conntrack": conntrack.full()}
    main_pid = systemd.number(stack.properties.get("ExecMainPID", ""))
    return {
        "memory": dict(_memory(), largest=processes.largest()),
        "oom": oom_kills.seen(stack.unit, main_pid, started, time.time()),
        "at_file_limit": unread.reported(
            processes.at_file_limit(own),
            "how many files the app has open",
            *(unread.sealed(f"/proc/{pid}/fd") for pid in own),
        ),
        "file_limit": systemd.number(stack.properties.get("LimitNOFILESoft", "")),
        "load": os.getloadavg()[0],
        "cpus": os.cpu_count() or 1,
        "uptime": _uptime(),
        "system": _os_release(),
        "kernel": platform.release(),
        "name": platform.node(),
        **({"policy_denials": denied} if (denied := policy_denials.collect(stack, evidence)) is not None else {}),
        **({"closed": closed} if (closed := closed_paths.collect(stack)) else {}),
        **({"loopback_down": True} if _is_loopback_down() else {}),
        **({"busy": busy} if busy else {}),
        **({"memory_stalls": stalls} if (stalls := _memory_stalls()) else {}),
        **{name: found for name, found in exhausted.items() if found},
    }


def needed_names(
    stack: Stack, database: dict[str, Any], brokers: list[dict[str, Any]], ask_unit: bool
) -> list[dict[str, Any]]:
    """Each name that the app cannot do without, with needed_by, and whether it can be resolved.

    brokers: those that the rehearsal did not reach, each {setting, address}. ask_unit: whether what can be resolved
    here is asked for once more as the app's unit, whose answer is in `unit` then.
    """
    wanted = {str(database.get("host") or ""): "the database"}
    for item in brokers:
        wanted.setdefault(str(item["address"]).rpartition(":")[0], str(item["setting"]))
    names = {name: by for name, by in wanted.items() if name_resolution.is_name(name)}
    found = [dict(name_resolution.look_up(name), needed_by=by) for name, by in names.items()]
    known = [item["name"] for item in found if item["ok"]]
    asked = unit_resolver.ask(stack, known) if ask_unit and known else {}
    return [{**item, "unit": asked[item["name"]]} if item["name"] in asked else item for item in found]


def _memory() -> dict[str, int]:
    with open("/proc/meminfo", encoding="utf-8") as file:
        return parse_memory(file.read())


def parse_memory(text: str) -> dict[str, int]:
    """Total and available memory in MiB, of /proc/meminfo (proc(5)); 0 for what it does not have."""
    values = {}
    for line in text.splitlines():
        name, _colon, rest = line.partition(":")
        values[name] = int(rest.split()[0]) // 1024
    return {"total": values.get("MemTotal", 0), "available": values.get("MemAvailable", 0)}


def _memory_stalls() -> float:
    try:
        with open("/proc/pressure/memory", encoding="utf-8") as file:
            return parse_stalls(file.read())
    except OSError:
        return 0.0


def parse_stalls(text: str) -> float:
    """For which part of the last ten seconds all work stood still for want of memory, in percent; 0 below 10.

    text: of /proc/pressure/memory. Source: Documentation/accounting/psi.rst, "full".
    """
    match = re.search(r"^full avg10=([0-9.]+)", text, re.MULTILINE)
    share = float(match.group(1)) if match else 0.0
    return share if share >= STALLED else 0.0


def _is_loopback_down() -> bool:
    """Whether the interface that a host reaches itself by is not up; False where unknown."""
    try:
        with open("/sys/class/net/lo/flags", encoding="utf-8") as file:
            return not parse_is_up(file.read())
    except (OSError, ValueError):
        return False


def parse_is_up(flags: str) -> bool:
    """Whether a network interface with these flags is up (netdevice(7), IFF_UP). Raises ValueError."""
    return bool(int(flags, 16) & 1)


def _uptime() -> float:
    with open("/proc/uptime", encoding="utf-8") as file:
        return parse_uptime(file.read())


def parse_uptime(text: str) -> float:
    """Seconds since the boot, of /proc/uptime (proc(5))."""
    return float(text.split()[0])


def _os_release() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            return parse_os_release(file.read())
    except OSError:
        return platform.system()


def parse_os_release(text: str) -> str:
    """The distribution as it names itself to people (os-release(5)); empty where it does not."""
    lines = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    return lines.get("PRETTY_NAME", "").strip('"')
