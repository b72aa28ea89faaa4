"""A site that answers is not red for what is left over, and a run that had nothing to do leaves no entry."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_setbacks import MODE, done, settings

from lab.site import Site, differences, named

STATE = "/var/lib/rescue502"
# Another run's lock and process, as long as it is wanted.
OTHERS = """
mkdir -p -m 700 /run/rescue502
printf '{"incident": "another", "host": "elsewhere", "controller": {"name": "elsewhere"}}' > /run/rescue502/lock
systemd-run --quiet --unit=another --setenv=RESCUE502_INCIDENT=another flock /run/rescue502/lock sleep 600
timeout 10 bash -c 'until ! flock --nonblock /run/rescue502/lock true; do sleep 0.1; done'
"""


def entries(site: Site) -> str:
    """What the host remembers of runs."""
    return site.host.run(f"cat {STATE}/history.jsonl; ls {STATE}/undo", check=False).stdout


def test_a_site_that_answers_is_not_red(site: Site) -> None:
    """Nothing wrong; a remedy's budget is exhausted; another run holds the lock: the edge answers in all of them."""
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"]) == (0, "healthy"), output
    assert entries(site) == "", "a run that had nothing to do leaves no entry"

    site.host.break_with("files/static-missing")
    # What would take the site down at its next start, and does not yet.
    site.host.break_with("", "uninstall python-slugify slugify")
    assert site.host.ask(site.shape.api_path)[0] == 200
    before = site.host.snapshot()
    wanted = ["dependencies/missing", "files/static-missing"]
    code, incident, output = site.play("recover", rescue502_budget=0, rescue502_approve=wanted)
    assert {"dependencies/missing", "files/static-missing"} <= set(named(incident)), output
    assert (code, incident["outcome"], incident["actions"]) == (0, "degraded", []), output
    assert "rescue502_budget" in str(incident["held_back"]), "the setting that lifts it is named"
    assert entries(site) == ""
    assert site.rescue502("recover", "-e", "rescue502_budget=0").returncode == 6

    site.host.break_with("", OTHERS)
    code, incident, output = site.play("recover", rescue502_approve=wanted)
    assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), output
    assert "another run is at work" in incident["message"]
    assert entries(site) == ""
    assert differences(before, site.host.snapshot()) == set()
    site.host.run("systemctl stop another")
    code, incident, output = site.play("recover")
    assert code == 0, output
    assert site.host.ask(site.shape.api_path)[0] == 200


@pytest.mark.nightly
def test_a_remedy_that_finds_nothing_to_change_is_not_red(site: Site, tmp_path: Path) -> None:
    """Somebody has approved it for a cause that is none: it is applied, changes nothing, and the site answers."""
    own = settings(tmp_path / "own", "degraded", "collectstatic", rescue502_approve=[MODE])
    before = site.host.snapshot()
    code, incident, output = site.play("recover", **own)
    assert done(incident) == [("collectstatic", False, False)], output
    assert (code, incident["outcome"]) == (0, "degraded"), output
    assert "the edge answers" in incident["message"]
    assert differences(before, site.host.snapshot()) == set()
    words = ["--failures", own["rescue502_failures_path"], "-e", "rescue502_level=full", "--approve", MODE]
    finished = site.rescue502("recover", *words)
    assert finished.returncode == 6, finished.stdout + finished.stderr


@pytest.mark.nightly
def test_the_runner_is_not_red_where_a_site_that_answers_is_locked(site: Site) -> None:
    """6, as of a site that answers and has something left over; 5 where it is down; 0 when the lock is free."""
    site.host.break_with("files/static-missing")
    site.host.break_with("", OTHERS)
    assert site.host.run("flock --nonblock /run/rescue502/lock true", check=False).returncode != 0
    before = site.host.snapshot()
    finished = site.rescue502("recover", "--approve", "files/static-missing")
    assert finished.returncode == 6, finished.stdout + finished.stderr
    assert "another run is at work" in finished.stdout
    assert site.host.ask(site.shape.api_path)[0] == 200
    assert differences(before, site.host.snapshot()) == set()
    site.host.break_with("service/stopped")
    finished = site.rescue502("recover", "--approve", "files/static-missing")
    assert finished.returncode == 5, finished.stdout + finished.stderr
    assert "another run is at work" in finished.stdout
    site.host.run("systemctl is-active another; systemctl stop another")
    finished = site.rescue502("recover", "--approve", "files/static-missing")
    assert finished.returncode == 0, finished.stdout + finished.stderr
