"""A host is one run's at a time, nothing is tried without end, and a run that was killed leaves no lock."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from lab.interruptions import MARKED
from lab.site import Run, Site, differences

GATE = "/run/gate"
WAITS_AT_THE_GATE = """
mkdir -p /etc/systemd/system/{unit}.d
printf '[Service]\nTimeoutStartSec=300\nExecStartPre=/bin/sh -c "until [ -e {gate} ]; do sleep 0.1; done"\n' \
    > /etc/systemd/system/{unit}.d/gate.conf
systemctl daemon-reload
systemctl stop {unit}
"""


# What AWX gives a job of a schedule.
OF_AWX = {"awx_job_id": 17, "awx_job_template_name": "rescue502 recover", "awx_schedule_name": "every 5 minutes"}


def begin_at_the_gate(site: Site, **variables: Any) -> Run:
    """A run at work: it starts the app, which waits until the gate is opened."""
    site.host.run(WAITS_AT_THE_GATE.format(unit=site.shape.unit, gate=GATE))
    run = site.begin("recover", **variables)
    wait_until(lambda: at_work(site))
    return run


def open_the_gate(site: Site) -> None:
    """What the run at work waits for may happen."""
    site.host.run(f"touch {GATE}")


def at_work(site: Site) -> bool:
    """Whether a run is repairing on the host."""
    return "activating" in site.host.run(f"systemctl is-active {site.shape.unit}", check=False).stdout


def wait_until(true: Any, seconds: float = 180) -> None:
    """Wait for a state of the host; fails the test where it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "the state waited for never came"
        time.sleep(0.1)


def lock_is_free(site: Site) -> bool:
    """Whether nobody holds the lock."""
    return site.host.run("flock --nonblock /run/rescue502/lock true", check=False).returncode == 0


def test_a_second_run_is_locked_out(site: Site) -> None:
    """While one run repairs, another reports `locked` and changes nothing; the first one repairs in peace.

    That one is a job of AWX's: the second one's record names it.
    """
    first = begin_at_the_gate(site, **OF_AWX)
    before = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), output
    assert incident["locked_by"].startswith("run "), output
    assert " (AWX job 17 (rescue502 recover), started by the schedule every 5 minutes) from " in incident["locked_by"]
    assert incident["awx"] == {}
    assert "changed=0" in output
    assert differences(before, site.host.snapshot()) == set()
    open_the_gate(site)
    code, incident, output = site.finish(first)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert incident["awx"] == {"job": "17", "template": OF_AWX["awx_job_template_name"], "schedule": "every 5 minutes"}
    wait_until(lambda: lock_is_free(site))


@pytest.mark.nightly
def test_the_runner_ends_with_5_where_another_run_is_at_work(site: Site) -> None:
    """Exit code 5; a diagnosis only reads, and goes on."""
    first = begin_at_the_gate(site)
    assert site.rescue502("diagnose").returncode == 2
    assert site.rescue502("recover").returncode == 5
    open_the_gate(site)
    assert site.finish(first)[1]["outcome"] == "recovered"


def test_a_run_whose_controller_was_killed_is_taken_over(site: Site) -> None:
    """kill -9 amid a remedy: the next run waits for what was begun, finishes the job, and leaves no lock."""
    first = begin_at_the_gate(site)
    os.killpg(first.process.pid, signal.SIGKILL)
    assert (first.process.wait(), at_work(site)) == (-signal.SIGKILL, True)
    second = site.begin("recover")
    # The job that the dead run began goes on for a while: the second run is to wait for it.
    time.sleep(5)
    open_the_gate(site)
    code, incident, output = site.finish(second)
    assert (code, incident["outcome"] in ("recovered", "healthy")) == (0, True), output
    assert site.host.ask(site.shape.api_path)[0] == 200
    wait_until(lambda: lock_is_free(site))


def test_a_used_up_budget_leaves_it_to_a_person(site: Site) -> None:
    """The remedy is not tried again for the same cause: nothing is changed, and a bundle is at hand."""
    for _time in range(3):
        site.host.break_with("service/stopped")
        code, incident, output = site.play("recover", rescue502_budget=1)
        assert (code, incident["outcome"]) == (0, "recovered"), output
    site.host.break_with("service/stopped")
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_budget=1)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert [item["id"] for item in incident["awaiting"]] == ["service/stopped"]
    assert list(site.folder.glob("reports-*/bundle-*.tar.gz")), output
    assert differences(before, site.host.snapshot()) == set()


def test_a_killed_run_leaves_nothing_in_folders_for_temporary_files(site: Site) -> None:
    """Python is killed amid a module: what it was unpacked into goes with the run's lock, or with the next run."""
    run = begin_at_the_gate(site)
    assert unpacked(site), "a module of the run is at work"
    modes = site.host.run("stat -c '%a %U' /run/rescue502 /run/rescue502/tmp").stdout
    assert modes == "700 root\n700 root\n"
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    site.host.run(f"kill -KILL $({MARKED})")
    assert unpacked(site), "the fault: nobody has cleared it away"
    # As a run leaves it that was killed before it had the lock; and somebody else's, which stays.
    site.host.run(
        "mkdir -m 700 /tmp/ansible_rescue502.django.probe_payload_abcd1234 /tmp/ansible_setup_payload_abcd1234"
    )
    open_the_gate(site)
    assert site.play("recover")[0] == 0
    wait_until(lambda: lock_is_free(site))
    assert unpacked(site) == ["/tmp/ansible_setup_payload_abcd1234"]


def unpacked(site: Site) -> list[str]:
    """Folders of modules that Ansible has sent."""
    return site.host.run(
        "ls -d {/tmp,/var/tmp,/dev/shm,/run/rescue502/tmp}/ansible_* 2> /dev/null || true"
    ).stdout.split()


def test_nothing_is_begun_after_the_deadline(site: Site) -> None:
    """A run that has used its time up says what it did not begin, and ends."""
    site.host.break_with("database/stopped")
    site.host.break_with("dependencies/missing")
    code, incident, output = site.play("recover", rescue502_deadline=4)
    assert (code, incident["outcome"]) == (2, "failed"), output
    assert "pip_install" in incident["overdue"] or "restart" in incident["overdue"]
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output


def test_what_was_done_is_remembered(site: Site) -> None:
    """The host's own history: root's alone, a line for what was begun and one for how it ended."""
    site.host.run(f"systemctl stop {site.shape.unit}")
    _code, incident, _output = site.play("recover")
    lines = [json.loads(line) for line in site.host.run("cat /var/lib/rescue502/history.jsonl").stdout.splitlines()]
    assert [(line["event"], line["incident"]) for line in lines] == [
        ("begun", incident["incident"]),
        ("concluded", incident["incident"]),
    ]
    assert (lines[0]["remedy"], lines[0]["causes"], lines[1]["outcome"]) == (
        "restart",
        ["service/stopped"],
        "recovered",
    )
    modes = site.host.run("stat -c '%a %U' /var/lib/rescue502 /var/lib/rescue502/history.jsonl").stdout
    assert modes == "700 root\n600 root\n"


@pytest.mark.nightly
def test_a_lost_line_of_the_history_harms_nothing(site: Site) -> None:
    """A host that lost its power in the middle of a line, or a history that is no text: read past, and written on."""
    site.host.run(
        "mkdir -m 700 /var/lib/rescue502; head -c 3000 /dev/urandom > /var/lib/rescue502/history.jsonl;"
        f"""printf '{{"time": 1, "ev' >> /var/lib/rescue502/history.jsonl; systemctl stop {site.shape.unit}"""
    )
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
