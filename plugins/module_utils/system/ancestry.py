# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who started a process: its control group and the processes above it (cgroups(7), proc(5))."""

from __future__ import annotations

import re

from ansible_collections.rescue502.django.plugins.module_utils.system import processes

# `libpod-payload` is that of one whose unit lends podman its control group (Quadlet).
_CONTAINER = re.compile(r"\b(docker|libpod|cri-containerd|crio)(?:-payload)?[-/]([0-9a-f]{12,64})")
_ENGINES = {"docker": "docker", "libpod": "podman"}
_USER_UNIT = re.compile(r"/user@(\d+)\.service/(?:.*/)?([^/\n]+\.service)\s*$", re.MULTILINE)
_SESSION = re.compile(r"/session-[^/\n]+\.scope")
# Programs that start others and keep them running, by the name of the program or of the script that it runs.
SUPERVISORS = {
    "supervisord": "supervisor",
    "circusd": "circus",
    "runsv": "runit",
    "s6-supervise": "s6",
    "pm2": "pm2",
    "PM2": "pm2",
    "monit": "monit",
    "honcho": "honcho",
    "cron": "cron",
}


def control_group(pid: int) -> str:
    """A process's control groups, a line each; empty where it is gone."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def container(group: str) -> tuple[str, str]:
    """(docker, podman or container; its id) of the container whose control group this is; two empty texts for none."""
    match = _CONTAINER.search(group)
    return (_ENGINES.get(match.group(1), "container"), match.group(2)) if match else ("", "")


def user_unit(group: str) -> tuple[int, str]:
    """(user id, unit) of a unit of a user's own systemd; (0, "") where it is none's."""
    match = _USER_UNIT.search(group)
    return (int(match.group(1)), match.group(2)) if match else (0, "")


def is_in_session(group: str) -> bool:
    """Whether the process belongs to somebody's login."""
    return _SESSION.search(group) is not None


def above(pid: int) -> list[int]:
    """The processes above one, the nearest first, without the first of all."""
    found: list[int] = []
    while (pid := processes.parent(pid)) > 1 and pid not in found:
        found.append(pid)
    return found


def supervisor(pid: int) -> tuple[str, int]:
    """(name, process) of the nearest process above that keeps others running; ("", 0) where there is none known."""
    for parent in above(pid):
        if found := supervisor_of(processes.command_words(parent)):
            return found, parent
    return "", 0


def supervisor_of(words: list[str]) -> str:
    """Which supervisor a command line is, if any: the program, or the script of an interpreter."""
    names = [word.rpartition("/")[2].rstrip(":") for word in words[:2]]
    return next((SUPERVISORS[name] for name in names if name in SUPERVISORS), "")
