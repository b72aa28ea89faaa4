"""A run as AWX has it: ansible-runner sends it to a worker that is thrown away, and takes back what that one says.

AWX lays out a private data directory: the project, the inventory, variables, settings, and the passwords of a
credential. What outlives the job is what `process` has received: events, artifacts and the output.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.playbook import ROOT

RUNNER = str(Path(sys.executable).with_name("ansible-runner"))
# What the project is, as far as a job reads it; the link below collections/ is how a checkout is its own collection.
PROJECT = ("ansible.cfg", "collections", "failures", "galaxy.yml", "meta", "playbooks", "plugins", "roles")
SECONDS = 300
PIPE = """
"$RUNNER" transmit sent --ident 17 --playbook "playbooks/$PLAYBOOK.yml" --cmdline=-vvv |
"$RUNNER" worker --private-data-dir worker --delete |
"$RUNNER" process received --ident 17 > /dev/null
"""


@dataclass(frozen=True)
class Job:
    """What came back of a job. folder: what `process` has written; worker: where the job ran."""

    folder: Path
    worker: Path

    @property
    def status(self) -> str:
        """As AWX shows it, such as `failed`."""
        return (self.folder / "status").read_text(encoding="utf-8")

    def events(self) -> list[dict[str, Any]]:
        """In their order."""
        paths = sorted((self.folder / "job_events").glob("*.json"), key=lambda path: int(path.name.split("-")[0]))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def text(self) -> str:
        """All that was kept of it."""
        return "".join(path.read_text(encoding="utf-8") for path in self.folder.rglob("*") if path.is_file())


def run(folder: Path, playbook: str, hosts: dict[str, dict[str, Any]], password: str, **variables: Any) -> Job:
    """A job at verbosity 3. hosts: variables of each; password: what sudo would ask for; folder: for all of it."""
    _private_data(folder / "sent", hosts, password, variables)
    path = f"{Path(RUNNER).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "RUNNER": RUNNER, "PLAYBOOK": playbook, "PATH": path}
    environment.pop("ANSIBLE_CONFIG", None)
    done = subprocess.run(
        ["/bin/bash", "-c", PIPE], cwd=folder, env=environment, capture_output=True, check=False, timeout=SECONDS
    )
    received = folder / "received" / "artifacts" / "17"
    assert (received / "status").exists(), done.stderr.decode()
    return Job(received, folder / "worker")


def _private_data(folder: Path, hosts: dict[str, dict[str, Any]], password: str, variables: dict[str, Any]) -> None:
    (folder / "project").mkdir(parents=True)
    for name in PROJECT:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / "project" / name, symlinks=True, ignore=shutil.ignore_patterns("*.pyc")
            )
        else:
            shutil.copy(ROOT / name, folder / "project" / name)
    listed = {name: {**host, "ansible_become_password": password} for name, host in hosts.items()}
    contents: dict[str, Any] = {
        "inventory/hosts.yml": {"all": {"hosts": listed}},
        "env/extravars": variables,
        "env/settings": {"job_timeout": 0, "suppress_ansible_output": True, "pexpect_use_poll": True},
        "env/envvars": {"ANSIBLE_FORCE_COLOR": "True", "ANSIBLE_HOST_KEY_CHECKING": "False"},
        "env/passwords": {r"BECOME password.*:\s*?$": password},
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
