"""A paused host: no run changes it, each says who paused it and until when, and it ends by itself."""

from __future__ import annotations

import json

import pytest

from lab.site import Site, differences

STATE = "/var/lib/rescue502"
# As docs/alerts.md has it for a deployment's own script.
LEASE = """
install -d -m 700 /run/rescue502
systemd-run -q --collect --unit=deploy flock --close /run/rescue502/lock timeout 600 sleep 600
until_true "! flock --nonblock /run/rescue502/lock true"
"""
PAUSE_BY_HAND = f"""install -d -m 700 {STATE}
echo '{{"until": "20m", "by": "deploy.sh"}}' > {STATE}/pause.json"""


def test_a_paused_host_is_not_repaired_until_the_pause_is_ended(site: Site) -> None:
    """The site stays as it is, with who, until when and why; then it is repaired."""
    site.host.break_with("service/stopped")
    name = site.host.name
    done = site.rescue502("pause", name, "--until", "2h", "--reason", "the database is moved", reports=False)
    assert (done.returncode, f"{name}: paused until 20" in done.stdout) == (0, True), done.stdout + done.stderr
    modes = site.host.run(f"stat -c '%a %U' {STATE} {STATE}/pause.json").stdout
    assert modes == "700 root\n600 root\n"
    before = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), output
    assert "nothing was done: this host is paused until 20" in incident["message"]
    assert incident["message"].endswith(": the database is moved")
    assert differences(before, site.host.snapshot()) == set()
    done = site.rescue502("resume", name, reports=False)
    assert (done.returncode, "not paused" in done.stdout) == (0, True), done.stdout + done.stderr
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output


@pytest.mark.nightly
def test_every_run_respects_a_pause_a_window_and_a_lease(site: Site) -> None:
    """Written by a deployment's own script; a maintenance window of the inventory; the lock under flock(1)."""
    site.host.break_with("service/stopped")
    site.host.run(PAUSE_BY_HAND)
    before = site.host.snapshot()
    code, incident, output = site.play("diagnose")
    assert (code, incident["outcome"]) == (0, "planned"), output
    for playbook in ("redeploy", "undo", "reboot"):
        code, _incident, output = site.play(playbook, rescue502_undo="20260131T120000Z-ab12cd", rescue502_reboot="yes")
        assert (code, "paused until 20" in output, "by deploy.sh" in output) == (2, True, True), output
    assert site.rescue502("recover").returncode == 5
    # Half a year later, or with a clock that was set back by as much, nobody waits for it any more.
    for age in ("-180 days", "+180 days"):
        site.host.run(f"touch -d '{age}' {STATE}/pause.json")
        _code, incident, output = site.play("recover", "--check")
        assert (incident["outcome"], "paused" in output) == ("planned", False), output
    site.host.run(f"rm {STATE}/pause.json")

    window = {"from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z", "reason": "the data centre moves"}
    code, incident, output = site.play("recover", rescue502_maintenance=[window])
    assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), output
    assert "by the inventory's maintenance window: the data centre moves" in incident["message"]

    site.host.break_with("", LEASE)
    code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), output
    assert "nothing was done: this host is leased to sleep (process " in incident["message"]
    assert differences(before, site.host.snapshot()) == set()
    waits = site.begin("recover")
    site.host.run("sleep 8; systemctl stop deploy")
    code, incident, output = site.finish(waits)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert json.loads(site.host.run(f"tail -n 1 {STATE}/history.jsonl").stdout)["outcome"] == "recovered"
