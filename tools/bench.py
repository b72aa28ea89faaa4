"""Seconds of a diagnosis on a lab host over SSH and of a ping playbook: medians and ratios of one run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

import lab

ROOT = Path(__file__).parents[1]

ROUNDS = 7
PING = "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: }]\n"
FAULTS = ("database/stopped", "dependencies/missing")


def seconds(folder: Path, playbook: Path) -> float:
    """Wall-clock seconds of one run of a playbook."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(folder / "hosts.yml"), str(playbook)]
    begun = time.monotonic()
    subprocess.run(
        [*command, "-e", f"rescue502_reports={folder / 'reports'}"],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        check=False,
    )
    return time.monotonic() - begun


def compare(folder: Path, what: str) -> None:
    """Ping and diagnosis in turn, so that a busy moment hits both."""
    pings, looks = [], []
    for _round in range(ROUNDS):
        pings.append(seconds(folder, folder / "ping.yml"))
        looks.append(seconds(folder, ROOT / "playbooks" / "diagnose.yml"))
    ping, look = statistics.median(pings), statistics.median(looks)
    print(f"{what:<22} ping {ping:5.2f} s   diagnose {look:5.2f} s   +{look - ping:.2f} s   ratio {look / ping:.2f}")


def main() -> None:
    """Healthy, then broken."""
    host = lab.Host("bench").up()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            inventory = {"all": {"hosts": {host.name: host.inventory(full=True)}}}
            (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
            (folder / "ping.yml").write_text(PING, encoding="utf-8")
            print(f"medians of {ROUNDS} over SSH to a host of the lab")
            compare(folder, "healthy host")
            for fault in FAULTS:
                host.break_with(fault)
            compare(folder, "broken host, all looks")
    finally:
        host.down()


if __name__ == "__main__":
    main()
