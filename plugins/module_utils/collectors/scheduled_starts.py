# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Starts of a stopped unit that somebody has arranged for later: who does so wants it down until then.

By a timer of the moment (systemd-run --on-active=, systemd-run(1)), a job of at(1), or a shell that sleeps. A timer
with a file of its own is there on every day, and says nothing of this one, unless it alone starts the unit: a unit
that is not enabled, such as a shop with opening hours.
"""

from __future__ import annotations

import glob
import os
import re

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import run_processes
from ansible_collections.rescue502.django.plugins.module_utils.system import processes, systemd

JOBS_OF_AT = ("/var/spool/cron/atjobs/*", "/var/spool/at/*")
MOST = 5


def of(unit: str, enabled: bool) -> list[str]:
    """What will start the unit, in a few words each, at most MOST. Raises SystemdError.

    enabled: whether it is also started at each boot.
    """
    return [*_timers(unit, enabled), *_shells(unit), *_jobs_of_at(unit)][:MOST]


def starts(text: str, unit: str) -> bool:
    """Whether a command line, or a script's text, starts the unit by systemctl or service."""
    name = re.escape(unit.rpartition(".")[0])
    by_systemctl = rf"\bsystemctl\b[^\n;&|]*\s(re)?start\s[^\n;&|]*(?<![\w@.-]){name}(\.service)?(?![\w@.-])"
    return bool(re.search(rf"{by_systemctl}|\bservice\s+{name}\s+(re)?start\b", text))


def _timers(unit: str, enabled: bool) -> list[str]:
    """Timers that wait, and start the unit or a service whose command does; of an enabled one those of the moment."""
    keys = ["Id", "ActiveState", "SubState", "Transient", "Unit"]
    waiting = parse_waiting(systemd.show_many(["*.timer"], keys), enabled)
    return parse_starting(waiting, systemd.show_many([item["Unit"] for item in waiting], ["Id", "ExecStart"]), unit)


def parse_waiting(timers: list[dict[str, str]], enabled: bool) -> list[dict[str, str]]:
    """Those of these timers, as systemd shows them, that wait; for an enabled unit those of the moment alone."""
    return [
        item
        for item in timers
        if (item.get("Transient") == "yes" or not enabled) and item.get("ActiveState") == "active" and item.get("Unit")
    ]


def parse_starting(waiting: list[dict[str, str]], services: list[dict[str, str]], unit: str) -> list[str]:
    """The names of those timers that start the unit, or one of these services whose command does."""
    commands = {item.get("Id", ""): " ".join(systemd.exec_argv(item.get("ExecStart", ""))) for item in services}
    return [
        item["Id"] for item in waiting if item["Unit"] == unit or starts(commands.get(item["Unit"], "") + " ", unit)
    ]


def _shells(unit: str) -> list[str]:
    """Processes that sleep, or wait, before a command of theirs starts it."""
    own = run_processes.lineage()
    others = [pid for pid in processes.pids() if pid not in own and not run_processes.is_of_a_run(pid)]
    found = [(pid, processes.command_line(pid)) for pid in others]
    return [f"process {pid}: {line[:160]}" for pid, line in found if starts(line + " ", unit)]


def _jobs_of_at(unit: str) -> list[str]:
    found = []
    for path in sorted(path for pattern in JOBS_OF_AT for path in glob.glob(pattern)):
        try:
            if starts(safe_files.text(path), unit):
                found.append(f"a job of at ({os.path.basename(path)})")
        except OSError:
            continue
    return found
