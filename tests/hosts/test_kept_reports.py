"""A report outlives the controller's folder: the host has kept it, and another controller fetches it."""

from __future__ import annotations

import json
import shutil

import pytest

from lab.site import Site, differences

STATE = "/var/lib/rescue502"


@pytest.mark.nightly
def test_a_report_is_fetched_from_its_host(site: Site) -> None:
    """Once the folder that it was written to is gone. A healthy host keeps none, nor does a check or a diagnosis."""
    before = site.host.snapshot()
    site.play("diagnose")
    site.play("recover", "--check")
    site.play("recover")
    assert site.host.run(f"ls {STATE}/reports", check=False).returncode != 0
    assert differences(before, site.host.snapshot()) == set()
    site.host.break_with("service/stopped")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    for folder in site.folder.glob("reports-*"):
        shutil.rmtree(folder)
    assert site.host.run(f"stat -c '%a %U' {STATE}/reports {STATE}/reports/*").stdout == "700 root\n600 root\n"
    done = site.rescue502("report", "--from", site.host.name, "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["actions"] == incident["actions"]
    done = site.rescue502("report", "20200101T000000Z-000000", "--from", site.host.name)
    assert (done.returncode, incident["incident"] in done.stdout + done.stderr) == (2, True), done.stdout + done.stderr
