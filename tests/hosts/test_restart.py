"""The remedy `restart`, where starting is not a matter of course."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.playbook import COMMAND, ENVIRONMENT, ROOT
from lab.site import Site, differences, named

# What keeps a unit from being started, and a secret with it.
FAILS = "ExecStartPre=/bin/false\\nEnvironment=PAYMENT_TOKEN=zq81-kfuTe5"


def apply(site: Site, *words: str, **arguments: Any) -> tuple[dict[str, Any], str]:
    """Run the module alone on a host: (its result, all that Ansible printed)."""
    command = [str(Path(COMMAND).with_name("ansible")), "all", "-i", str(site.inventory()), "--become"]
    given = json.dumps({"unit": site.shape.unit, **arguments})
    done = subprocess.run(
        [*command, "-m", "rescue502.django.restart", "-a", given, *words],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    _before, _mark, result = output.rpartition(" => ")
    return json.JSONDecoder().raw_decode(result)[0], output


def state(site: Site, name: str, unit: str = "") -> str:
    """A property of the app's unit, or of another one."""
    return site.host.run(f"systemctl show -P {name} {unit or site.shape.unit}").stdout.strip()


def test_a_unit_that_is_disabled_and_stopped_is_started(site: Site) -> None:
    """systemd forgets such a unit, so that there is nothing to reset: that must not keep it down."""
    site.host.run(f"systemctl disable --now {site.shape.unit}")
    reset = site.host.run(f"systemctl reset-failed {site.shape.unit}", check=False)
    assert reset.returncode != 0, "the fault: nothing keeps the unit loaded"
    assert "not loaded" in reset.stderr
    assert site.host.ask(site.shape.api_path)[0] == 502
    _code, incident, output = site.play("recover")
    assert "service/stopped" in named(incident), output
    assert [(action["remedy"], action["changed"], action["ok"]) for action in incident["actions"]] == [
        ("restart", True, True)
    ], output
    assert site.host.ask(site.shape.api_path)[0] == 200
    assert state(site, "UnitFileState") == "disabled", "to enable it was not approved"


def test_what_keeps_the_unit_down_is_reported_without_its_variables(site: Site) -> None:
    """A check changes nothing; the failure is reported in systemd's words, and shows no variable however verbose."""
    file = state(site, "FragmentPath")
    site.host.run(f"cp {file} /root/unit; sed -i 's|^.Service.|&\\n{FAILS}|' {file}; systemctl stop {site.shape.unit}")
    assert state(site, "NeedDaemonReload") == "yes"
    broken = site.host.snapshot()
    result, output = apply(site, "--check")
    assert (result["changed"], result["before"]) == (True, "inactive"), output
    assert state(site, "ActiveState") == "inactive"
    assert differences(broken, site.host.snapshot()) == set()
    result, output = apply(site, "-vvvv")
    assert "PAYMENT_TOKEN" in state(site, "Environment"), "the unit's file was loaded anew"
    assert ("FAILED!" in output, result["changed"]) == (True, True), output
    assert "control process exited with error code" in result["msg"], output
    assert "zq81" not in output
    site.host.run(f"cp /root/unit {file}; systemctl daemon-reload")
    result, output = apply(site, bind=[{"kind": "tcp", "host": "127.0.0.1", "port": 9, "path": ""}], timeout=1)
    assert "127.0.0.1:9 (Connection refused) 1 s after the start" in result["msg"], output
    assert "active, running" in result["msg"], output
    assert site.host.ask(site.shape.api_path)[0] == 200


@pytest.mark.nightly
@pytest.mark.parametrize("site", ["activated"], indirect=True)
def test_a_closed_socket_is_opened_though_the_service_runs(site: Site) -> None:
    """systemd opens no socket for a service that runs: the service is stopped first."""
    socket = site.shape.unit.replace(".service", ".socket")
    # A unit that requires its socket would stop with it; not all do.
    site.host.run(
        f"sed -i '/^Requires=/d' {state(site, 'FragmentPath')}; systemctl daemon-reload; "
        f"systemctl start {site.shape.unit}; systemctl stop {socket}"
    )
    assert state(site, "ActiveState", socket) == "inactive"
    assert state(site, "ActiveState") == "active"
    result, output = apply(site, bind=[{"kind": "unix", "path": site.shape.bind.partition(":")[2]}])
    assert ("CHANGED" in output, result["changed"]) == (True, True), output
    assert (state(site, "ActiveState", socket), state(site, "ActiveState")) == ("active", "active")
    assert site.host.ask(site.shape.api_path)[0] == 200
