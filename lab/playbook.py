"""ansible-playbook, begun and waited for.

A test run begins it some thousand times. Half of each is work that the time before has done already: importing Ansible,
and packing the same modules. Once warmed up, a server has imported Ansible, and each play is a fork of it that goes on
as the command would; the folder that Ansible keeps packed modules in is the server's, and so one for all its plays.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[1]
COMMAND = str(Path(sys.executable).with_name("ansible-playbook"))
ENVIRONMENT = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1"}
_IMPORTED = ["ansible.cli.playbook", "ansible.executor.playbook_executor", "ansible.executor.module_common"]
_CONTEXT = multiprocessing.get_context("forkserver")
# Ansible's settings that the server has read, once there is one.
_warm: dict[str, str] | None = None


class Playbook(Protocol):
    """A playbook that runs, as the leader of its own process group."""

    @property
    def pid(self) -> int | None:
        """Its process and its group."""

    def wait(self) -> int:
        """Its return code, when it has ended."""

    def poll(self) -> int | None:
        """Its return code; None while it runs."""


class _Fork(multiprocessing.context.ForkServerProcess):
    """A fork of the server, waited for in subprocess's words."""

    def wait(self) -> int:
        self.join()
        assert self.exitcode is not None
        return self.exitcode

    def poll(self) -> int | None:
        return self.exitcode


def warm_up(folder: Path) -> None:
    """Have playbooks begin as forks of a server from now on. folder: for what Ansible keeps while it runs."""
    global _warm
    _CONTEXT.set_forkserver_preload(_IMPORTED)
    before = dict(os.environ)
    _warm = _settings()
    os.environ |= ENVIRONMENT | {"ANSIBLE_LOCAL_TEMP": str(folder)}
    forkserver.ensure_running()
    os.environ.clear()
    os.environ |= before


def _settings() -> dict[str, str]:
    """Ansible's settings in the environment: a play that has others than the server must begin as a command."""
    return {name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")}


def begin(words: list[str], output: Path) -> Playbook:
    """Start it with these words, all that it prints going to a file, and do not wait for it."""
    output.touch()
    if _warm == _settings():
        fork = _Fork(target=_exec_command, args=(words, str(output)))
        fork.start()
        return fork
    with output.open("wb") as file:
        return subprocess.Popen(
            [COMMAND, *words],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _exec_command(words: list[str], output: str) -> None:
    """Run in the fork: what a shell does for a command, and the command."""
    os.setsid()
    os.chdir(ROOT)
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
        os.dup2(os.open(path, flags, 0o644), number)
    os.dup2(1, 2)
    sys.argv = ["ansible-playbook", *words]
    from ansible.cli.playbook import main

    main()
