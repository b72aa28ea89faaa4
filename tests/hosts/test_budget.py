"""The budget of tries: which runs count, for which cause, and what is left to a person when it is exhausted."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from test_one_at_a_time import at_work, begin_at_the_gate, open_the_gate
from test_setbacks import MODE, UNEXPLAINED, done, settings

from lab.interruptions import MARKED
from lab.site import Site, differences, named

pytestmark = pytest.mark.nightly

LOGS, STOPPED, MISSING = "files/log-not-writable", "service/stopped", "dependencies/missing"


def refused(site: Site, cause: str, times: int, **given: Any) -> None:
    """One more run: nothing is done, a person is asked, and the message names the count and the setting."""
    before = site.host.snapshot()
    code, incident, output = site.play("recover", **given)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert [item["id"] for item in incident["awaiting"]] == [cause], output
    assert f"was tried {times} times within 60 min" in incident["message"], output
    assert "is tried again where rescue502_budget is higher" in incident["message"], output
    assert list(site.folder.glob("reports-*/bundle-*.tar.gz")), output
    assert differences(before, site.host.snapshot()) == set()


def helps(site: Site, **given: Any) -> str:
    """One more run, after which the site is well; the run's id."""
    code, incident, output = site.play("recover", rescue502_budget=1, **given)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    return incident["incident"]


def test_what_was_taken_back_does_not_count(site: Site) -> None:
    """Recover, undo, recover: the budget is exhausted, one run is undone, and the same cause is repaired again."""
    last = ""
    for _time in range(3):
        site.host.break_with(LOGS)
        last = helps(site)
    site.host.break_with(LOGS)
    refused(site, LOGS, 3, rescue502_budget=1)
    code, _incident, output = site.play("undo", rescue502_undo=last)
    assert code == 0, output
    site.host.break_with(LOGS)
    helps(site)
    site.host.break_with(LOGS)
    refused(site, LOGS, 3, rescue502_budget=1)


def test_what_was_interrupted_does_not_count(site: Site) -> None:
    """With a budget of one: two runs that were killed amid their remedy are none of it."""
    for _time in range(2):
        run = begin_at_the_gate(site)
        os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()
        site.host.run(f"kill -KILL $({MARKED}); systemctl stop $UNIT; systemctl reset-failed $UNIT", check=False)
        assert not at_work(site)
    lines = [json.loads(line) for line in site.host.run("cat /var/lib/rescue502/history.jsonl").stdout.splitlines()]
    assert [(line["event"], line["remedy"]) for line in lines] == [("begun", "restart")] * 2, "both that were killed"
    open_the_gate(site)
    for _time in range(3):
        helps(site)
        site.host.run(f"systemctl stop {site.shape.unit}")
    refused(site, STOPPED, 3, rescue502_budget=1)


def test_what_is_applied_and_does_not_help_is_not_tried_without_end(site: Site, tmp_path: Path) -> None:
    """A restart that succeeds and changes nothing for visitors: twice with a budget of two, and no third time."""
    site.host.break_with("", UNEXPLAINED)
    own = settings(tmp_path / "own", "outage", "restart", rescue502_budget=2)
    for _time in range(2):
        code, incident, output = site.play("recover", **own)
        assert (code, incident["outcome"]) == (2, "failed"), output
        assert [(name, changed) for name, changed, _back in done(incident)] == [("restart", True)], output
        assert site.host.ask(site.shape.api_path)[0] == 500, "it did not help"
    refused(site, MODE, 2, **own)
    # Another try is what the setting is for.
    _code, incident, output = site.play("recover", **{**own, "rescue502_budget": 3})
    assert [name for name, _changed, _back in done(incident)] == ["restart"], output


def test_a_remedy_that_fails_is_not_tried_without_end(site: Site) -> None:
    """The package cannot be had, twice; when it can be had, a higher budget is asked for, and the site comes back."""
    site.host.run("mv /var/cache/wheels /var/cache/wheels.gone")
    site.host.break_with(MISSING)
    for _time in range(2):
        code, incident, output = site.play("recover", rescue502_budget=2)
        assert (code, incident["outcome"]) == (2, "failed"), output
        assert [(action["remedy"], action["ok"]) for action in incident["actions"]] == [("pip_install", False)], output
    # Also where it would help by now: that nobody has looked at it since is why a person is asked.
    site.host.run("mv /var/cache/wheels.gone /var/cache/wheels")
    code, incident, output = site.play("recover", rescue502_budget=2)
    assert (code, incident["outcome"]) == (2, "needs-human"), output
    assert "pip_install" not in [action["remedy"] for action in incident["actions"]], output
    assert f"pip_install for {MISSING} was tried 2 times within 60 min, in vain" in incident["message"], output
    assert site.host.run("ls $VENV/lib/python3*/site-packages/slugify", check=False).returncode != 0
    code, incident, output = site.play("recover", rescue502_budget=3)
    assert (code, incident["outcome"]) == (0, "recovered"), output


def test_a_site_that_serves_is_not_restarted_into_what_is_not_repaired(site: Site) -> None:
    """Approved, and the package cannot be had; the next run has no try left for it, and nothing else is done either."""
    site.host.run("mv /var/cache/wheels /var/cache/wheels.gone")
    # What would take the site down at its next start, and does not yet.
    site.host.break_with("", "uninstall python-slugify slugify")
    assert site.host.ask(site.shape.api_path)[0] == 200
    approved = {"rescue502_budget": 1, "rescue502_level": "full", "rescue502_approve": [MISSING]}
    _code, incident, output = site.play("recover", **approved)
    assert [(action["remedy"], action["ok"]) for action in incident["actions"]] == [("pip_install", False)], output
    assert site.host.ask(site.shape.api_path)[0] == 200
    _code, incident, output = site.play("recover", **approved)
    assert [item["remedy"] for item in incident["held_back"]][:1] == ["pip_install"], output
    assert incident["actions"] == [], output
    assert site.host.ask(site.shape.api_path)[0] == 200


def test_the_same_remedy_is_not_tried_without_end(site: Site) -> None:
    """Repaired three times and broken again, with a budget of one: a person's, with a bundle, and later tried again."""
    for _time in range(3):
        site.host.run(f"systemctl stop {site.shape.unit}")
        helps(site)
    site.host.run(f"systemctl stop {site.shape.unit}")
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_budget=1)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == [STOPPED]
    assert "was tried 3 times within 60 min" in incident["message"]
    assert [item["id"] for item in incident["awaiting"]] == [STOPPED]
    assert incident["awaiting"][0]["by_hand"]
    assert list(site.folder.glob("reports-*/bundle-*.tar.gz")), output
    assert differences(before, site.host.snapshot()) == set()
    _code, incident, output = site.play("recover", "--check", rescue502_budget=1)
    assert incident["plan"] == [], output
    helps(site, rescue502_budget_window=1)


def test_another_cause_has_a_budget_of_its_own(site: Site) -> None:
    """The restart is not applied any more for the first cause, and is for another one."""
    for _time in range(3):
        site.host.run(f"systemctl stop {site.shape.unit}")
        helps(site)
    site.host.run(f"systemctl stop {site.shape.unit}")
    refused(site, STOPPED, 3, rescue502_budget=1)
    site.host.break_with(MISSING)
    code, incident, output = site.play("recover", rescue502_budget=1)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert [action["remedy"] for action in incident["actions"]] == ["pip_install", "restart"], output
