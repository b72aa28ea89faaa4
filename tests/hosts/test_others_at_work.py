"""Others at work on the app: they are waited for, then named, and nothing is done meanwhile."""

from __future__ import annotations

import time

import pytest
from unharmed import left_as_it_was

from lab.site import Site, differences, named

# A server that takes requests and never answers: what asks it stays at work.
SILENT = """
systemctl is-active -q silent || systemd-run -q --unit=silent python3 -c '
import socket, time
server = socket.create_server(("127.0.0.1", 8099))
held = []
while True:
    held.append(server.accept())
'
until_true "ss -lnt | grep -q :8099"
"""
SLOW_PACKAGE = """
mkdir -p /root/slow/DEBIAN
printf '%s\\n' 'Package: slow' 'Version: 1' 'Architecture: all' 'Maintainer: me <me@example.org>' 'Description: slow' \\
  > /root/slow/DEBIAN/control
printf '#!/bin/sh\\nsleep 300\\n' > /root/slow/DEBIAN/postinst
chmod 755 /root/slow/DEBIAN/postinst
dpkg-deb -b /root/slow /root/slow.deb > /dev/null
"""
APP = "-p User=$APP_USER -p WorkingDirectory=$ROOT"
START = "systemd-run -q --collect --unit=other"
# How each is started as a unit `other`, and what is reported of it.
AT_WORK = {
    "pip": (
        SILENT,
        f"{START} {APP} -E PIP_CONFIG_FILE=/dev/null $VENV/bin/pip install --index-url http://127.0.0.1:8099/ missing",
        "pip install",
    ),
    "git": (SILENT, f"{START} {APP} git fetch http://127.0.0.1:8099/app.git", "git fetch"),
    "a script of the site's own": (
        "printf 'sleep 300\\n' > /usr/local/bin/deploy-shop.sh",
        f"{START} {APP} bash /usr/local/bin/deploy-shop.sh",
        "deploy-shop.sh",
    ),
    "a program that nobody knows": (
        "",
        f"{START} {APP} python3 -c 'import sys, time; kept = open(sys.argv[1], \"a\"); time.sleep(300)'"
        " $VENV/pyvenv.cfg",
        "python3",
    ),
    "a copy over the network": ("", f"{START} sleep-as rsync --server -logDtpr . $ROOT/", "rsync"),
    "manage.py": (
        "mkfifo -m 644 /tmp/fixture; (echo '['; exec sleep 300) >/tmp/fixture 2>/dev/null &",
        f"{START} {APP} -p EnvironmentFile=$ENV_FILE -p StandardInput=file:/tmp/fixture"
        " $VENV/bin/python -B manage.py loaddata --format json -",
        "manage.py loaddata",
    ),
    "dpkg": (SLOW_PACKAGE, f"{START} dpkg -i /root/slow.deb", "dpkg"),
    "psql": (
        "printf 'SELECT pg_sleep(300);' > /tmp/dump.sql; chmod 644 /tmp/dump.sql",
        f"{START} -p User=postgres -p StandardInput=file:/tmp/dump.sql psql $DATABASE_NAME",
        "psql",
    ),
    "psql that is given a dump": (
        "mkfifo -m 644 /tmp/dump; (echo 'CREATE TABLE half (n int);'; exec sleep 300) >/tmp/dump 2>/dev/null &",
        f"{START} -p User=postgres -p StandardInput=file:/tmp/dump psql $DATABASE_NAME",
        "psql",
    ),
}  # fmt: skip
# On a host that has uv, and an environment without pip.
WITH_UV = {
    "uv": (
        SILENT,
        f"{START} {APP} -E UV_HTTP_TIMEOUT=300 uv --no-config --no-cache pip install --python $VENV/bin/python"
        " --index-url http://127.0.0.1:8099/ missing",
        "uv install",
    ),
}
# Others that are there and change nothing: who reads the log of git in a pager, a shell of Django's, a worker.
HARMLESS = f"""
{START}-1 {APP} bash -c 'git log -p | sleep 300'
{START}-2 {APP} bash -c 'sleep 300 | $VENV/bin/python manage.py shell'
{START}-3 {APP} $VENV/bin/python -c 'import time; kept = open("media/worker.log", "a"); time.sleep(300)'
{START}-4 tail -f $ROOT/manage.py
{START}-5 git -C /srv clone http://127.0.0.1:8099/other.git
mkfifo -m 644 /tmp/asked; (echo 'SELECT 1;'; exec sleep 300) >/tmp/asked 2>/dev/null &
{START}-6 -p User=postgres -p StandardInput=file:/tmp/asked psql $DATABASE_NAME
sleep 2
for number in 1 2 3 4 5 6; do systemctl is-active -q other-$number; done
"""
END = "systemctl stop other; systemctl reset-failed other 2>/dev/null || true"
# rsync may not be there: a process by that name, and with its words, is what the kernel shows of one.
SLEEP_AS = """
printf '#!/bin/bash\\nexec -a "$1" python3 -c "import time; time.sleep(300)" "${@:2}"\\n' > /usr/local/bin/sleep-as
chmod 755 /usr/local/bin/sleep-as
"""


def begin(site: Site, name: str) -> str:
    """Have somebody at work; the main process's id."""
    prepare, command, _what = {**AT_WORK, **WITH_UV}[name]
    site.host.break_with("", prepare + "\n" + command)
    # What cannot begin has ended by now.
    time.sleep(2)
    state = site.host.run("systemctl show -P ActiveState -P MainPID other").stdout.split()
    assert "active" in state, f"{name} is at work"
    return next(word for word in state if word.isdigit())


def test_an_operators_pip_is_named_and_then_waited_for(site: Site) -> None:
    """While it works nothing is changed, and the report says what it is; when it has ended the site is repaired."""
    site.host.break_with("dependencies/missing")
    pid = begin(site, "pip")
    # systemd restarts what crashes meanwhile, so that the unit's own starts show nothing.
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_others_patience=2)
    assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), output
    assert [(item["what"], str(item["pid"])) for item in incident["others_at_work"]] == [("pip install", pid)], output
    assert incident["others_at_work"][0]["account"] == site.shape.user
    assert f"pip install (process {pid}, of {site.shape.user}, since " in output
    assert named(incident) == ["dependencies/missing"]
    assert differences(before, site.host.snapshot()) == set()
    run = site.begin("recover", rescue502_others_patience=60)
    time.sleep(8)
    site.host.run("systemctl is-active other && systemctl stop other")
    code, incident, output = site.finish(run)
    assert (code, incident["outcome"], incident["others_at_work"]) == (0, "recovered", []), output


# Our own installation is halted as soon as it is seen, and goes on by the same name.
HALT = """
timeout 120 bash -c 'until pgrep -of "[p]ip install" > /run/ours; do sleep 0.02; done'
kill -STOP $(cat /run/ours)
"""


@pytest.mark.nightly
def test_what_begins_during_our_own_installation_is_not_exchanged_under(site: Site) -> None:
    """An operator's pip that was not there when the run began: the new environment is thrown away, and it is named."""
    site.host.break_with("dependencies/missing")
    before, inode = site.host.snapshot(), site.host.run("stat -c %i $VENV").stdout
    run = site.begin("recover", rescue502_others_patience=1)
    site.host.run(HALT)
    assert "rescue502-new" in site.host.run("tr '\\0' ' ' < /proc/$(cat /run/ours)/cmdline").stdout, "ours is halted"
    pid = begin(site, "pip")
    site.host.run("kill -CONT $(cat /run/ours)")
    code, incident, output = site.finish(run)
    assert code == 2, output
    assert [(action["remedy"], action["ok"], action["changed"]) for action in incident["actions"]] == [
        ("pip_install", False, False)
    ], output
    message = incident["actions"][0]["message"]
    assert f"pip install (process {pid}, of {site.shape.user}) is at work on " in message, message
    assert "Nothing was changed." in message
    assert site.host.run("systemctl is-active other; stat -c %i $VENV").stdout.split() == ["active", inode.strip()]
    assert differences(before, site.host.snapshot()) == set()
    site.host.run(END)
    code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert site.host.run("stat -c %i $VENV").stdout != inode, "with nobody else at work it is exchanged"


@pytest.mark.nightly
def test_who_changes_nothing_is_not_waited_for(site: Site) -> None:
    """A pager, a shell, a worker, another site's deployment: the site is repaired next to them, without a wait."""
    site.host.break_with("dependencies/missing")
    site.host.break_with("", SILENT + HARMLESS)
    code, incident, output = site.play("recover", rescue502_others_patience=2)
    assert (code, incident["outcome"], incident["others_at_work"]) == (0, "recovered", []), output
    states = site.host.run("systemctl show -P ActiveState other-{1..6}").stdout.split()
    assert states == ["active"] * 6, "all of them were there until the end"


@pytest.mark.nightly
def test_a_lock_of_gits_is_waited_for(site: Site) -> None:
    """A young one without a process may be a container's; one from before the last hour is left over from a crash."""
    site.host.run("systemctl stop $UNIT; touch $ROOT/.git/index.lock")
    with left_as_it_was(site):
        code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"]) == (0, "locked"), output
    assert incident["others_at_work"][0]["where"] == f"{site.shape.root}/.git/index.lock"
    assert site.host.ask("/health/")[0] == 502
    site.host.run("touch -d '3 hours ago' $ROOT/.git/index.lock")
    code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"]) == (0, "recovered"), output


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("site", "works"), [("tcp", AT_WORK), ("uv", WITH_UV)], ids=["the usual", "uv"], indirect=["site"]
)
def test_each_kind_of_work_is_seen(site: Site, works: dict[str, tuple[str, str, str]]) -> None:
    """By what it stands in, has open, names or has locked: one after the other on a host that is down."""
    site.host.run(SLEEP_AS + "systemctl stop $UNIT")
    for name, (_prepare, _command, what) in works.items():
        pid = begin(site, name)
        with left_as_it_was(site):
            code, incident, output = site.play("recover", rescue502_others_patience=1)
        assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), f"{name}: {output}"
        found = {(item["what"], str(item["pid"])) for item in incident["others_at_work"]}
        assert (what, pid) in found, f"{name}: {found}"
        site.host.run(END)
    assert site.host.ask(site.shape.api_path)[0] == 502
    code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"]) == (0, "recovered"), output


# What each copy is of, and what is down for it.
COPIES = {
    "of the database": ("systemctl stop $UNIT $DATABASE_UNIT", "/var/lib/postgresql"),
    "of the app's folder": ("systemctl stop $UNIT", "$ROOT"),
}


@pytest.mark.nightly
@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_what_is_down_for_it_is_not_spoilt(site: Site, name: str) -> None:
    """A backup's script has stopped it: the backup is waited for, then named; when it has ended the site comes back."""
    down, copied = COPIES[name]
    site.host.break_with("", f'{down}; {START} bash -c "tar cf - {copied} | sleep 300"; sleep 1; pgrep -x tar')
    assert site.host.ask("/health/")[0] == 502
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"], incident["actions"]) == (0, "locked", []), output
    assert [item["what"] for item in incident["others_at_work"]] == ["tar"], output
    assert site.host.run("pgrep -x tar; ! systemctl is-active $UNIT").returncode == 0
    assert differences(before, site.host.snapshot()) == set()
    site.host.run(END)
    code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"]) == (0, "recovered"), output


@pytest.mark.nightly
def test_a_copy_of_what_has_failed_keeps_nobody_waiting(site: Site) -> None:
    """Nobody has stopped the app for it. Who follows a server's log in its folder copies nothing."""
    folder = site.host.run("echo /var/lib/postgresql/*/main").stdout.strip()
    site.host.break_with(
        "",
        f"unit_drop_in '[Service]' Restart=no; systemctl kill --signal=KILL $UNIT; systemctl stop $DATABASE_UNIT; "
        f"install -d -o postgres {folder}/log; touch {folder}/log/postgresql.log; "
        f'{START}-1 bash -c "tar cf - $ROOT | sleep 300"; {START}-2 tail -f {folder}/log/postgresql.log; sleep 1',
    )
    assert site.host.run("systemctl is-failed $UNIT; pgrep -x tar; pgrep -x tail").returncode == 0
    code, incident, output = site.play("recover", rescue502_others_patience=1)
    assert (code, incident["outcome"], incident["others_at_work"]) == (0, "recovered", []), output
    assert site.host.run("pgrep -x tar; pgrep -x tail").returncode == 0
