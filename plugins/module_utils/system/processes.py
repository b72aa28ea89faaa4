# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processes, as /proc shows them: open files and their limit, memory (proc(5))."""

from __future__ import annotations

import heapq
import os
import re
import stat
import time
from collections.abc import Iterator
from typing import Any

MIB = 2**20
# A process that has all but so many files open cannot take the next request.
SPARE_FILES = 2
# Limits that an app meets while it works, by their names in getrlimit(2), as /proc calls them.
LIMITS = {
    "RLIMIT_AS": "Max address space",
    "RLIMIT_DATA": "Max data size",
    "RLIMIT_FSIZE": "Max file size",
    "RLIMIT_NPROC": "Max processes",
    "RLIMIT_STACK": "Max stack size",
}


def pids() -> list[int]:
    """All processes."""
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def open_files() -> Iterator[tuple[int, str, os.stat_result]]:
    """(pid, path under /proc, status) of every open file of every process."""
    for pid in pids():
        for path in descriptors(pid):
            try:
                yield pid, path, os.stat(path)
            except OSError:
                continue


def descriptors(pid: int) -> list[str]:
    """Paths under /proc of a process's open files; none where it is gone."""
    folder = f"/proc/{pid}/fd"
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []


def has_files_below(folder: str) -> bool:
    """Whether a process has a file of a folder open, or one that was deleted from it. proc(5), /proc/pid/fd."""
    for path in (path for pid in pids() for path in descriptors(pid)):
        try:
            if os.readlink(path).startswith(f"{folder}/"):
                return True
        except OSError:
            continue
    return False


def file_limit(pid: int) -> int:
    """How many files a process may have open; 0 where that is not known or has no limit."""
    return _limit(pid, "Max open files")


def limits(pid: int) -> dict[str, int]:
    """A process's soft limits of LIMITS, but for those that it does not have, or that are not known."""
    found = {name: _limit(pid, words) for name, words in LIMITS.items()}
    return {name: value for name, value in found.items() if value}


def _limit(pid: int, words: str) -> int:
    try:
        with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
            match = re.search(rf"^{words}\s+(\d+)\s", file.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(match.group(1)) if match else 0


def at_file_limit(wanted: list[int]) -> list[dict[str, Any]]:
    """{pid, command, open, limit} of each of these processes that cannot open any more files."""
    found = []
    for pid in wanted:
        limit, used = file_limit(pid), len(descriptors(pid))
        if limit and used >= limit - SPARE_FILES:
            found.append({"pid": pid, "command": command_line(pid)[:200], "open": used, "limit": limit})
    return found


def command_line(pid: int) -> str:
    """A process's command line, its words joined by spaces; empty where it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(4096).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def command_words(pid: int) -> list[str]:
    """A process's command line by its words; none where it is gone, or a thread of the kernel's."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            text = file.read(65536).decode("utf-8", "surrogateescape")
    except OSError:
        return []
    return text.rstrip("\0").split("\0") if text else []


def program(pid: int) -> str:
    """The name of the program that a process runs, whatever it calls itself; empty where it is gone, or another's."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).replace(" (deleted)", "")
    except OSError:
        return ""


def parent(pid: int) -> int:
    """A process's parent; 0 where it is gone."""
    try:
        return int(_stat(pid)[1])
    except (OSError, IndexError, ValueError):
        return 0


def folder(pid: int) -> str:
    """A process's working folder; empty where it is gone, or another account's."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def opened(pid: int) -> Iterator[tuple[str, str]]:
    """(path, the descriptor's own path under /proc) of each file that a process has open by a path."""
    for descriptor in descriptors(pid):
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("/"):
            yield target, descriptor


def is_for_writing(descriptor: str) -> bool:
    """Whether an open file, by its descriptor's path under /proc, is open for writing (proc(5), /proc/pid/fdinfo)."""
    try:
        with open(descriptor.replace("/fd/", "/fdinfo/"), encoding="utf-8") as file:
            match = re.search(r"^flags:\s+([0-7]+)$", file.read(), re.MULTILINE)
    except OSError:
        return False
    return match is not None and int(match.group(1), 8) & os.O_ACCMODE != os.O_RDONLY


def reads_a_file(pid: int) -> bool:
    """Whether the standard input of a process is a file on a disk; False too where that cannot be seen."""
    try:
        return stat.S_ISREG(os.stat(f"/proc/{pid}/fd/0").st_mode)
    except OSError:
        return False


def reads_a_pipe(pid: int) -> bool:
    """Whether its standard input comes from another program; False too where that cannot be seen."""
    try:
        kind = os.stat(f"/proc/{pid}/fd/0").st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)


def variable(pid: int, name: str) -> str:
    """A variable of the environment that a process was started with; empty where it has none, or is gone."""
    return environment(pid).get(name, "")


def environment(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty where it is gone, or another account's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            items = [item.partition(b"=") for item in file.read().split(b"\0")]
    except OSError:
        return {}
    return {os.fsdecode(name): os.fsdecode(value) for name, sign, value in reversed(items) if name and sign}


def unit_of(pid: int) -> str:
    """The systemd unit whose control group holds the process (proc(5), /proc/pid/cgroup)."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            units = re.findall(r"/([^/\n]+\.(?:service|socket|scope))", file.read())
    except OSError:
        return ""
    return units[-1] if units else ""


def start_ticks(pid: int) -> int:
    """When a process was started, in clock ticks since the boot: with it, a number given out again is distinguished.

    Raises OSError where it is gone. Source: proc_pid_stat(5), field 22.
    """
    return int(_stat(pid)[19])


def state(pid: int) -> str:
    """One letter for what a process does (R runs, S sleeps, Z has ended, ...; field 3). OSError where it is gone."""
    return _stat(pid)[0]


def held(pid: int) -> str:
    """How somebody keeps a process from running: `stopped` by a signal, `traced` by a debugger; else empty."""
    try:
        return {"T": "stopped", "t": "traced"}.get(state(pid), "")
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) from the third on: the second, the command, may hold anything."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def started(pid: int) -> float:
    """When a process was started, in seconds since the epoch. Raises OSError where it is gone."""
    since_boot = start_ticks(pid) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def largest(count: int = 5) -> list[dict[str, Any]]:
    """{pid, command, unit, mib} of the processes that hold the most memory, but for this one."""
    page = os.sysconf("SC_PAGE_SIZE")
    sizes = heapq.nlargest(count, ((_pages(pid) * page // MIB, pid) for pid in pids() if pid != os.getpid()))
    return [
        {"pid": pid, "command": command_line(pid)[:200], "unit": unit_of(pid), "mib": mib} for mib, pid in sizes if mib
    ]


def _pages(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
