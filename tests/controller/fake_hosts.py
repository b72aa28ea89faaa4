"""Hosts that are folders: what Ansible sends there is answered by a text, whatever it asks.

ssh, sudo and the host's Python are scripts of a few lines, named in the inventory; all between them is Ansible itself,
with its own connection plugin, become plugin and pipelining: a hostile answer takes the way that a real host's takes.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.playbook import COMMAND, ENVIRONMENT, ROOT

# What a run may take at most on a busy machine, whatever its hosts answer.
SECONDS = 150
# The command is ssh's last word.
SSH = """#!/bin/sh
for command; do :; done
exec /bin/sh -c "$command"
"""
SUDO = """#!/bin/sh
while [ "$1" != /bin/sh ]; do shift; done
exec "$@"
"""
# Ansible sends a module on standard input: it is kept, and never run. Once a restart was asked for, the answer changes.
PYTHON = """#!/bin/sh
sent=$(mktemp {asked}/XXXXXX)
cat > "$sent"
cat {answer}
if grep -q 'plugins\\.modules\\.restart' "$sent"; then cp {later} {answer}; fi
"""
UNREACHABLE = """#!/bin/sh
echo 'ssh: connect to host 192.0.2.1 port 22: No route to host' >&2
exit 255
"""
_MODULE = re.compile(r"ansible_collections\.rescue502\.django\.plugins\.modules\.(\w+)|ansible\.modules\.(\w+)")


@dataclass(frozen=True)
class FakeHost:
    """A host of an inventory. name: its name there; folder: its own, which must not be there yet."""

    name: str
    folder: Path

    def up(self, answer: str, restarted: str = "") -> FakeHost:
        """Make its programs; to every module it answers with this text, or with another once the app was restarted."""
        self._asked.mkdir(parents=True)
        for name, text in (("answer", answer), ("later", restarted or answer)):
            (self.folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        python = PYTHON.format(asked=self._asked, answer=self.folder / "answer", later=self.folder / "later")
        for program, text in (("ssh", SSH), ("sudo", SUDO), ("python3", python)):
            path = self.folder / program
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755)
        return self

    def unreachable(self) -> FakeHost:
        """Have ssh find nobody there."""
        (self.folder / "ssh").write_text(UNREACHABLE, encoding="utf-8")
        return self

    def variables(self) -> dict[str, Any]:
        """Its variables for an Ansible inventory."""
        return {
            "ansible_host": "192.0.2.1",
            "ansible_ssh_executable": str(self.folder / "ssh"),
            "ansible_python_interpreter": str(self.folder / "python3"),
            "ansible_become": True,
            "ansible_become_exe": str(self.folder / "sudo"),
            "rescue502_unit": "xamila.service",
        }

    def asked(self) -> set[str]:
        """The names of the modules that were sent to it."""
        return {name for name, _time in self.times()}

    def times(self) -> list[tuple[str, float]]:
        """The modules that were sent to it, each with when, in seconds since the epoch."""
        sent = [(path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mtime) for path in self._sent()]
        names = [(_MODULE.search(text), time) for text, time in sent]
        return [(next(filter(None, name.groups())) if name else "unknown", time) for name, time in names]

    def _sent(self) -> list[Path]:
        return list(self._asked.iterdir())

    @property
    def _asked(self) -> Path:
        return self.folder / "asked"


@dataclass(frozen=True)
class Recovery:
    """What came of one recovery of several fake hosts."""

    folder: Path
    hosts: dict[str, FakeHost]
    seconds: float
    output: str
    returncode: int

    def recap(self, name: str) -> dict[str, int]:
        """How many of a host's tasks were ok, changed, failed and so on."""
        line = re.search(rf"(?m)^{re.escape(name)} +: (.*)$", self.output)
        assert line, self.output[-3000:]
        return {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", line[1])}

    def failure(self, name: str) -> str:
        """What is printed of a host's failed task, on one line."""
        start = rf"^fatal: \[{re.escape(name)}\]: FAILED! => \n"
        block = re.search(start + r"((?:    .*\n)+)", self.output, re.MULTILINE)
        assert block, self.output[-3000:]
        return " ".join(block[1].replace("''", "'").split())


def recover(hosts: dict[str, FakeHost], variables: dict[str, dict[str, Any]], folder: Path) -> Recovery:
    """Run recover.yml on all of them; some of them must fail. variables: what the inventory sets of each.

    They answer alike, and each is to be repaired all the same: the brake for causes that hosts share is off.
    """
    alike = {name: {"rescue502_max_broken": "100%", **variables.get(name, {})} for name in hosts}
    done = play("recover", hosts, folder, alike)
    assert done.returncode & 2, done.output[-3000:]
    return done


def play(
    playbook: str,
    hosts: dict[str, FakeHost],
    folder: Path,
    variables: dict[str, dict[str, Any]] | None = None,
    words: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
) -> Recovery:
    """Run a playbook on all of them. variables: what the inventory sets of each; folder: for inventory and reports;
    words: more of the command; environment: Ansible's settings in the place of our ansible.cfg."""
    usual = {"rescue502_reports": str(folder / "reports")}
    listed = {name: {**host.variables(), **usual, **(variables or {}).get(name, {})} for name, host in hosts.items()}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"django": {"hosts": listed}}), encoding="utf-8")
    begun = time.monotonic()
    done = subprocess.run(
        [COMMAND, "-i", str(folder / "hosts.yml"), f"playbooks/{playbook}.yml", *words],
        cwd=ROOT, env=os.environ | (ENVIRONMENT if environment is None else environment), capture_output=True,
        check=False, timeout=2 * SECONDS,
    )  # fmt: skip
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    return Recovery(folder, hosts, time.monotonic() - begun, output, done.returncode)
