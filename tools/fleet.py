"""A fleet of real hosts, some of them broken in different ways, and one command that repairs them.

Each broken host is asked from outside, many times a second, from the start of the command on; a healthy one must be as
it was before, file by file. Run as `make fleet`; HOSTS=40 of them. Prints a table and the totals, and ends with 1 where
a host was not repaired or a healthy one was touched.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import lab
from lab.host import boot
from lab.playbook import COMMAND, ENVIRONMENT, ROOT
from lab.site import differences

HOSTS = int(os.environ.get("HOSTS") or 40)
# One a host; each has another remedy or another way to it, and all may be repaired unasked.
FAULTS = (
    "code/stale-bytecode", "database/data-folder-mode", "database/stopped", "dependencies/damaged",
    "files/log-folder-missing", "files/log-not-writable", "files/parent-not-traversable", "service/exec-failed",
    "service/failed", "service/pid-folder-missing", "service/stale-process", "service/worker-folder-missing",
)  # fmt: skip
# What a host's systemd and its services watch with, of what the kernel grants to all hosts together.
INOTIFY, INOTIFY_A_HOST = Path("/proc/sys/fs/inotify/max_user_instances"), 6
SNAPSHOTS_AT_ONCE = 2
POLL_SECONDS = 0.25


@dataclass
class Watched:
    """A host that is asked again and again, and since when its site has answered with 200 without a break."""

    host: lab.Host
    well_since: float | None = None
    statuses: set[int] = field(default_factory=set)

    def watch(self, until: threading.Event) -> None:
        """Ask until it is stopped."""
        while not until.is_set():
            status = self.host.ask(self.host.shape.api_path, timeout=2.0)[0]
            self.statuses.add(status)
            self.well_since = (self.well_since or time.monotonic()) if status == 200 else None
            until.wait(POLL_SECONDS)


def recovered(hosts: list[lab.Host], folder: Path) -> tuple[str, float, dict[str, Watched]]:
    """The output of one `ansible-playbook recover.yml` for all hosts, when it began, and the broken ones watched."""
    inventory = {"all": {"hosts": {host.name: host.inventory(full=True) for host in hosts}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    watched = {host.name: Watched(host) for host in hosts[: len(FAULTS)]}
    end, began = threading.Event(), time.monotonic()
    with ThreadPoolExecutor(len(watched)) as pool:
        for each in watched.values():
            pool.submit(each.watch, end)
        done = subprocess.run(
            [COMMAND, "-i", str(folder / "hosts.yml"), "recover.yml", "-e", f"rescue502_reports={folder / 'reports'}"],
            cwd=ROOT, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        end.set()
    return done.stdout + done.stderr, began, watched


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """Each host's record of its incident; none of a host that was well."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("reports/*/*.json")]
    return {record["host"]: record for record in found}


def changed(output: str) -> dict[str, int]:
    """How many tasks changed each host, from Ansible's own recap."""
    return {name: int(number) for name, number in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.M)}


def main() -> int:
    """Boot, break, recover, compare; the exit code."""
    if int(INOTIFY.read_text(encoding="ascii")) < (needed := HOSTS * INOTIFY_A_HOST):
        sys.exit(f"{HOSTS} hosts need more inotify instances: sysctl -w fs.inotify.max_user_instances={needed}")
    hosts = boot([f"fleet{number:02}" for number in range(1, HOSTS + 1)])
    try:
        for host, fault in zip(hosts, FAULTS, strict=False):
            host.break_with(fault)
        well = hosts[len(FAULTS) :]
        with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(SNAPSHOTS_AT_ONCE) as pool:
            folder = Path(name)
            before = list(pool.map(lab.Host.snapshot, well))
            output, began, watched = recovered(hosts, folder)
            seconds, reported, counts = time.monotonic() - began, records(folder), changed(output)
            touched = [
                host.name
                for host, then, now in zip(well, before, pool.map(lab.Host.snapshot, well), strict=True)
                if counts.get(host.name) != 0 or differences(then, now)
            ]
        print(output[output.rfind("TASK [") :])
        print(f"{'host':<10} {'broken by':<32} {'outcome':<12} {'its own s':>9} {'200 after s':>11}")
        for (name, each), fault in zip(watched.items(), FAULTS, strict=True):
            record = reported.get(name, {})
            after = f"{each.well_since - began:.1f}" if each.well_since else "never"
            print(f"{name:<10} {fault:<32} {record.get('outcome')!s:<12} {record.get('seconds')!s:>9} {after:>11}")
        down = [name for name, each in watched.items() if not each.well_since]
        print(f"{seconds:.1f} s in all; not repaired: {down or 'none'}; healthy but touched: {touched or 'none'}")
        return 1 if down or touched else 0
    finally:
        for host in hosts:
            host.down()


if __name__ == "__main__":
    sys.exit(main())
