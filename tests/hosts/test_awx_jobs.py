"""A job of AWX's on a real host: repaired from a worker that is gone then, and no secret of the host is kept."""

from __future__ import annotations

import json
from pathlib import Path

import awx_job
import pytest
from canaries import CANARIES
from test_secrets import PLANTED, READ, VALUE

from lab.site import Site, put

# What AWX gives a job that somebody has launched.
OF_AWX = {"awx_job_id": 17, "awx_job_template_name": "rescue502 recover", "awx_user_name": "ada"}
SUDO = "the-password-for-sudo"


@pytest.mark.nightly
def test_a_job_repairs_and_keeps_no_secret(site: Site, tmp_path: Path) -> None:
    """At verbosity 3, with the secrets in all places where the product looks, and a package gone that the app needs."""
    put(site.host, "/srv/leak.py", (PLANTED / "leak.py").read_text(encoding="utf-8"))
    put(site.host, "/srv/canaries.json", json.dumps(VALUE))
    site.host.run_python((PLANTED / "plant.py").read_text(encoding="utf-8"))
    site.host.break_with("dependencies/missing")
    read = site.host.run(READ, check=False).stdout
    assert "Canary" in read, "the secrets are where the product looks"
    (tmp_path / "job").mkdir()
    hosts = {site.host.name: site.host.inventory(full=True)}
    job = awx_job.run(tmp_path / "job", "recover", hosts, VALUE[SUDO], **OF_AWX)
    text = job.text()
    assert not job.worker.exists()
    assert "dependencies/missing" in text
    assert "ESTABLISH SSH CONNECTION FOR USER" in text, "it was not that verbose"
    found = {name for name, canary in CANARIES.items() if any(needle in text for needle in canary.needles)}
    assert found == set()
    (stats,) = (event for event in job.events() if event["event"] == "playbook_on_stats")
    assert set(stats["event_data"]["artifact_data"]["rescue502_outcomes"]) == {site.host.name}
    assert "AWX job 17 (rescue502 recover), started by the user ada" in " ".join(text.replace("\\n", " ").split())
