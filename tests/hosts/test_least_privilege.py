"""Without root: what is unreadable is named, what is known is reported, and what nobody could read is no cause."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tiers import each_change

from lab.site import Site, differences, named
from rescue502 import sudoers

WITHOUT_ROOT = {"ansible_become": False, "rescue502_level": "full"}
# What an account that may do nothing but log in finds of each fault: the cause, or nothing where only root could tell.
FOUND = {
    "service/stopped": ["service/stopped"],
    "database/stopped": ["database/stopped"],
    "proxy/stopped": ["proxy/stopped"],
    "proxy/config-invalid": ["proxy/config-invalid"],
    "files/env-file-exposed": ["files/env-file-exposed"],
    "dependencies/missing": [],
    "environment/key-missing": [],
    "code/syntax-error": [],
    "service/port-taken": [],
}
HIDDEN = ("the rehearsal of the app's start", "the environment file")


def unread(incident: dict[str, object]) -> str:
    """What could not be read, as one text."""
    items = incident["unread"]
    assert isinstance(items, list)
    return "\n".join(f"{item['what']}: {item['why']}" for item in items)


@pytest.mark.parametrize("fault", each_change("database/stopped", of=FOUND))
def test_a_cause_is_named_or_left_open(site: Site, fault: str) -> None:
    """No wrong cause, no claim of health, nothing changed; what was not read is in the message and in the report."""
    site.host.break_with(fault)
    before = site.host.snapshot()
    code, incident, output = site.play("diagnose", **WITHOUT_ROOT)
    assert named(incident) == FOUND[fault], output
    assert not incident["evidence"]["probe"]["root"]
    assert "rehearsal" not in incident["evidence"]
    for what in HIDDEN if fault != "files/env-file-exposed" else HIDDEN[:1]:
        assert what in unread(incident)
        assert what in output
    # A person has something to do where the cause stays open; a plan is none of that.
    assert code == (2 if incident["outcome"] == "needs-human" else 0)
    assert incident["outcome"] == ("needs-human" if not FOUND[fault] else incident["outcome"])
    if not FOUND[fault]:
        assert "the cause cannot be found without what was not read" in incident["message"]
        assert incident["plan"] == []
    assert differences(before, site.host.snapshot()) == set()


def test_a_healthy_site_is_healthy(site: Site) -> None:
    """The edge's answer proves it; what was not looked at is said."""
    code, incident, output = site.play("verify", ansible_become=False)
    assert (code, incident["outcome"]) == (0, "healthy"), output
    assert "the environment file" in output
    words = [sys.executable, "-m", "rescue502.cli", "diagnose", "--no-become", "--json"]
    done = subprocess.run(
        [*words, "-i", str(site.folder / "hosts.yml"), "--reports", str(site.folder / "by-command")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["evidence"]["probe"]["account"] == "admin"


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["dependencies/missing", "environment/key-missing"])
def test_as_the_apps_own_user_the_rehearsal_runs(site: Site, fault: str) -> None:
    """Its code is run by nobody else, so that user finds more than another account does."""
    site.host.run(f"echo 'admin ALL=({site.shape.user}) NOPASSWD: ALL' > /etc/sudoers.d/admin")
    site.host.break_with(fault)
    _code, incident, output = site.play("diagnose", ansible_become_user=site.shape.user)
    assert named(incident) == [fault], output
    assert incident["evidence"]["rehearsal"]["ran"]
    assert incident["evidence"]["probe"]["account"] == site.shape.user


@pytest.mark.nightly
def test_two_groups_read_more(site: Site) -> None:
    """The logs are read, and no longer among what is missing."""
    site.host.run("usermod --append --groups systemd-journal,adm admin")
    site.host.break_with("service/option-wrong")
    _code, incident, output = site.play("diagnose", **WITHOUT_ROOT)
    assert "log" not in unread(incident).replace("owners and modes: logs", ""), output
    assert incident["evidence"]["log"]["refusal"]
    assert [item["id"] for item in incident["findings"] if item["id"] == "service/option-wrong"]


@pytest.mark.nightly
def test_what_only_root_can_tell_exists_is_not_missing(site: Site) -> None:
    """A tree that the account may not enter: nothing in it is called missing."""
    top = site.shape.root.rsplit("/", 1)[0]
    site.host.run(f"chown root:{site.shape.user} {top}; chmod 750 {top}; systemctl stop {site.shape.unit}")
    assert site.host.run(f"su admin -c 'ls {site.shape.root}'", check=False).returncode == 2
    _code, incident, output = site.play("diagnose", **WITHOUT_ROOT)
    found = {item["id"] for item in incident["findings"]}
    assert {"service/stopped"} <= found <= {"service/stopped", "edge/cors-hidden-by-502"}, output
    assert "the working directory" in unread(incident)
    assert "the virtual environment" in unread(incident)


@pytest.mark.parametrize("fault", each_change("database/stopped", of=["service/stopped", "database/stopped"]))
def test_recovery_with_the_generated_sudoers_file(site: Site, fault: str) -> None:
    """A fresh account with that file and no more repairs; on a terminal it may not become root as it likes."""
    account = "rescuer"
    site.host.run(
        f"useradd --create-home --shell /bin/bash {account} && cp -r /home/admin/.ssh /home/{account}/"
        f" && chown -R {account}: /home/{account}/.ssh"
    )
    text = sudoers.for_recovery(sudoers.Wanted(account, password=False))
    site.host.run(f"cat > /tmp/file <<'END'\n{text}END\nvisudo --check --file=/tmp/file")
    site.host.run("install --owner=root --group=root --mode=0440 /tmp/file /etc/sudoers.d/rescue502; rm /tmp/file")
    site.host.break_with(fault)
    code, incident, output = site.play("recover", ansible_user=account)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    for command in ("id", "/bin/sh -c id", "/usr/bin/python3 -c pass"):
        assert site.host.run(f"su - {account} -c 'sudo -n {command}'", check=False).returncode != 0
    hand = sudoers.for_repair_by_hand(sudoers.Wanted(account, password=False), site.shape.unit, "postgresql")
    site.host.run(f"cat > /etc/sudoers.d/by-hand <<'END'\n{hand}END\nchmod 440 /etc/sudoers.d/by-hand; visudo --check")
    site.host.run(f"su - {account} -c 'sudo -n systemctl restart {site.shape.unit} && sudo -n nginx -t'")


# Root of a container that its runtime has given no CAP_SYS_PTRACE: Python is started so.
CONFINED = """
printf '#!/bin/sh\\nexec setpriv --bounding-set=-sys_ptrace /usr/bin/python3 "$@"\\n' > /usr/local/bin/confined-python
chmod 755 /usr/local/bin/confined-python
! /usr/local/bin/confined-python -c 'import os; os.readlink("/proc/1/fd/0")' 2> /dev/null
"""


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["service/port-taken", "proxy/port-taken"])
def test_root_that_may_not_see_who_listens_ends_nobody(site: Site, fault: str) -> None:
    """Whose a socket is is unknown then, and not nobody's: no restart for a stale process, and no process 0."""
    site.host.run(CONFINED)
    site.host.break_with(fault)
    before = site.host.snapshot()
    known = {"ansible_python_interpreter": "/usr/local/bin/confined-python"}
    code, incident, output = site.play("recover", rescue502_approve=["proxy/port-taken"], **known)
    assert code == 2, output
    assert "CAP_SYS_PTRACE" in unread(incident)
    assert not {"service/stale-process", "service/port-taken", "proxy/port-taken"} & set(named(incident))
    assert not {"end_process", "restart"} & {action["remedy"] for action in incident["actions"] if action["changed"]}
    assert differences(before, site.host.snapshot()) == set()
