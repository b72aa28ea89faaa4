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

import pytest
import yaml
from fake_hosts import SECONDS, FakeHost
from test_fleets import answer, healthy

from lab.playbook import ROOT

RUNNER = str(Path(sys.executable).with_name("ansible-runner"))
# What the project is, as far as a job reads it; the link below collections/ is how a checkout is its own collection.
PROJECT = ("ansible.cfg", "collections", "failures", "galaxy.yml", "meta", "playbooks", "plugins", "roles")
PASSWORD = "become-4f1d0a7c"
JOB = {
    "awx_job_id": 17, "awx_job_template_name": "rescue502 recover", "awx_schedule_name": "every {{ 2 + 3 }} minutes",
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """What came back of a job. folder: what `process` has written; worker: where the job ran."""

    folder: Path
    worker: Path
    status: str

    def events(self) -> list[dict[str, Any]]:
        """In their order."""
        paths = sorted((self.folder / "job_events").glob("*.json"), key=lambda path: int(path.name.split("-")[0]))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def texts(self) -> str:
        """All that was kept of it."""
        return "".join(path.read_text(encoding="utf-8") for path in self.folder.rglob("*") if path.is_file())


def private_data(folder: Path, hosts: dict[str, FakeHost]) -> Path:
    """The directory that AWX makes for a job."""
    for name in PROJECT:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / "project" / name, symlinks=True, ignore=shutil.ignore_patterns("*.pyc")
            )
        else:
            shutil.copy(ROOT / name, folder / "project" / name)
    listed = {name: {**host.variables(), "ansible_become_password": PASSWORD} for name, host in hosts.items()}
    texts = {
        "inventory/hosts.yml": {"all": {"hosts": listed}},
        "env/extravars": JOB,
        "env/settings": {"job_timeout": 0, "suppress_ansible_output": True, "pexpect_use_poll": True},
        "env/envvars": {"ANSIBLE_FORCE_COLOR": "True", "ANSIBLE_HOST_KEY_CHECKING": "False"},
        "env/passwords": {r"BECOME password.*:\s*?$": PASSWORD},
    }
    for name, content in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """One host that is well and one that waits for approval, at verbosity 3."""
    folder = tmp_path_factory.mktemp("job")
    (folder / "sent" / "project").mkdir(parents=True)
    hosts = healthy(["web1"], folder / "machines")
    hosts["web2"] = FakeHost("web2", folder / "machines/web2").up(answer("code/syntax-error"))
    private_data(folder / "sent", hosts)
    worker, received = folder / "worker", folder / "received"
    words = ["--ident", "17", "--playbook", "playbooks/recover.yml"]
    script = " | ".join(
        (
            f'"$RUNNER" transmit sent {" ".join(words)} --cmdline="-vvv"',
            '"$RUNNER" worker --private-data-dir worker --delete',
            '"$RUNNER" process received --ident 17 > /dev/null',
        )
    )
    environment = {**os.environ, "RUNNER": RUNNER, "PATH": f"{Path(RUNNER).parent}:{os.environ['PATH']}"}
    environment.pop("ANSIBLE_CONFIG", None)
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=folder, env=environment, capture_output=True, check=False, timeout=2 * SECONDS
    )
    artifacts = received / "artifacts" / "17"
    assert artifacts.is_dir(), done.stderr.decode()
    return Job(artifacts, worker, (artifacts / "status").read_text(encoding="utf-8"))


def test_what_is_handed_on_comes_back_though_the_worker_is_gone(job: Job) -> None:
    assert not job.worker.exists()
    assert job.status == "failed"
    (stats,) = (event for event in job.events() if event["event"] == "playbook_on_stats")
    handed_on = stats["event_data"]["artifact_data"]
    assert handed_on["rescue502_outcomes"] == {"web1": "healthy", "web2": "needs-approval"}
    assert handed_on["rescue502_awaiting"] == ["code/syntax-error@web2"]


def test_the_report_is_the_hosts_own_event_and_speaks_of_awx(job: Job) -> None:
    """AWX shows it under the host; and what AWX says of the job is text, which nobody renders."""
    shown = [event["event_data"] for event in job.events() if event["event"] == "runner_on_failed"]
    (failed,) = (data for data in shown if data["task"] == "The incident is reported")
    assert failed["host"] == "web2"
    report = failed["res"]["report"]
    text = " ".join(report.split() if isinstance(report, str) else report)
    assert 'launch the template "recover with approval", with this in its survey: code/syntax-error@web2' in text
    assert "Run: AWX job 17 (rescue502 recover), started by the schedule every {{ 2 + 3 }} minutes" in text
    # Its file was in the container.
    assert "Report:" not in text


def test_no_event_has_a_secret_at_verbosity_3(job: Job) -> None:
    texts = job.texts()
    assert "ESTABLISH SSH CONNECTION FOR USER" in texts, "it was not that verbose"
    assert PASSWORD not in texts
