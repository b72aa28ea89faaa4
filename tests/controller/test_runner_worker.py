"""A job and its worker: artifacts, the report and events come back of a folder that is gone."""

from __future__ import annotations

import awx_job
import pytest
from awx_job import Job
from fake_hosts import FakeHost
from test_fleets import answer, healthy

PASSWORD = "become-4f1d0a7c"
OF_AWX = {
    "awx_job_id": 17, "awx_job_template_name": "rescue502 recover", "awx_schedule_name": "every {{ 2 + 3 }} minutes",
}  # fmt: skip


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """One host that is well and one that waits for approval."""
    folder = tmp_path_factory.mktemp("job")
    hosts = healthy(["web1"], folder / "machines")
    hosts["web2"] = FakeHost("web2", folder / "machines/web2").up(answer("code/syntax-error"))
    return awx_job.run(folder, "recover", {name: host.variables() for name, host in hosts.items()}, PASSWORD, **OF_AWX)


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


def test_no_event_has_the_password_at_verbosity_3(job: Job) -> None:
    """Those of a host's own are planted on a real one: tests/hosts/test_awx_jobs.py."""
    assert "ESTABLISH SSH CONNECTION FOR USER" in job.text(), "it was not that verbose"
    assert PASSWORD not in job.text()
