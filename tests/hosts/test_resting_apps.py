"""What rests because somebody has arranged it so: it is not started, and the report says by what it is kept."""

from __future__ import annotations

from collections.abc import Iterator

import names
import pytest
from test_left_alone import answers, recovered, state
from unharmed import left_as_it_was

import lab
from lab.site import Site, named

pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("resting")]

# How the app came to rest, what is named, and how that ends.
SCHEDULED = "service/start-scheduled"
CONDITION = "service/condition-unmet"
RESTING = {
    "a timer of the moment": (
        'stop_app; systemd-run -q --unit=window-ends --on-active=3h systemctl start "$UNIT"',
        SCHEDULED,
        "systemctl stop window-ends.timer",
    ),
    "a timer of the moment that triggers it": (
        'stop_app; systemd-run -q --on-active=3h --unit="$UNIT"',
        SCHEDULED,
        'systemctl stop "${UNIT%.service}.timer"',
    ),
    "a shop with opening hours": (
        'systemctl disable -q "$UNIT"; stop_app; cd /etc/systemd/system; '
        r"printf '[Service]\nType=oneshot\nExecStart=/usr/bin/systemctl start %s\n' $UNIT > opens.service; "
        r"printf '[Timer]\nOnCalendar=*-*-* 08:00\n' > opens.timer; systemctl daemon-reload; "
        "systemctl start opens.timer",
        SCHEDULED,
        'systemctl stop opens.timer; rm /etc/systemd/system/opens.*; systemctl enable -q "$UNIT"',
    ),
    "a shell that sleeps": (
        'stop_app; setsid sh -c "sleep 9000; systemctl start $UNIT; sleep 0" > /dev/null 2>&1 < /dev/null &',
        SCHEDULED,
        "pkill -f '^sh -c sleep 9000'",
    ),
    "a node that is passive": (
        "unit_drop_in '[Service]' 'ExecCondition=/usr/bin/test -e /run/active-node'; stop_app",
        CONDITION,
        "touch /run/active-node",
    ),
    "a target that closes the shop": (
        "cd /etc/systemd/system; printf '[Unit]\\nConflicts=%s\\n' $UNIT > closed.target; systemctl daemon-reload; "
        "systemctl start closed.target; until_true '! systemctl -q is-active $UNIT'",
        "service/kept-down",
        "systemctl stop closed.target; rm /etc/systemd/system/closed.target; systemctl daemon-reload",
    ),
    "a script that says no": (
        "unit_drop_in '[Service]' \"ExecCondition=/bin/sh -c 'echo this node is passive; test -e /run/active-node'\"; "
        "rm -f /run/active-node; stop_app",
        CONDITION,
        "touch /run/active-node",
    ),
}
SINGLE = r"""
systemctl stop "$DATABASE_UNIT" 'postgresql@*'
until_true '! pgrep -x postgres'
mkfifo -m 666 /run/hand
(exec 9> /run/hand; sleep 9000) > /dev/null 2>&1 < /dev/null &
bin=$(ls -d /usr/lib/postgresql/*/bin); data=$(ls -d /var/lib/postgresql/*/main)
conf=$(ls /etc/postgresql/*/main/postgresql.conf)
cd "$data"
setsid runuser -u postgres -- "$bin/postgres" --single -D "$data" -c config_file="$conf" "$DATABASE_NAME" \
  < /run/hand > /tmp/hand.log 2>&1 &
until_true "grep -qs '^-' $data/postmaster.pid"
"""


@pytest.fixture(scope="module")
def resting(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A host on which the app is put to rest, in one way after the other."""
    host = lab.Host(names.of(worker_id, "resting")).up()
    yield Site(host, tmp_path_factory.mktemp("resting"))
    host.down()


@pytest.mark.parametrize("how", RESTING)
def test_an_app_that_is_to_rest_is_not_started(resting: Site, how: str) -> None:
    """The site is down, and unasked nothing is done; when what keeps it is over, the app is started."""
    script, cause, end = RESTING[how]
    unit = resting.shape.unit
    resting.host.break_with("", script)
    assert (state(resting, unit), answers(resting, 2)) == ("inactive", {502})
    with left_as_it_was(resting):
        code, incident, output = recovered(resting)
    assert (code, incident["actions"], state(resting, unit)) == (2, [], "inactive"), output
    assert [item["id"] for item in incident["root_causes"]] == [cause], output
    assert incident["outcome"] in ("needs-approval", "needs-human"), output
    resting.host.break_with("", end)
    code, incident, output = recovered(resting)
    assert (code, incident["outcome"], answers(resting, 2)) == (0, "recovered", {200}), output
    resting.host.break_with("", 'rm -f "$UNIT_FILE.d"/*.conf; systemctl daemon-reload')


def test_a_fallback_that_nginx_does_not_use_is_not_started(resting: Site) -> None:
    """It is disabled, and nginx sends to another machine, which is down."""
    unit = resting.shape.unit
    resting.host.break_with("", 'cp "$NGINX_SITE" /srv/site; point_nginx_elsewhere; systemctl reload nginx')
    resting.host.break_with("", 'systemctl disable --now -q "$UNIT"')
    with left_as_it_was(resting):
        code, incident, output = recovered(resting)
    assert (code, incident["actions"], state(resting, unit)) == (2, [], "inactive"), output
    assert [item["id"] for item in incident["root_causes"]] == ["proxy/upstream-mismatch"], output
    resting.host.break_with("", 'cp /srv/site "$NGINX_SITE"; systemctl reload nginx; systemctl enable --now -q "$UNIT"')


def test_a_server_in_single_user_mode_is_left_alone(resting: Site) -> None:
    """Somebody repairs the database: a second server on its data folder is not even tried."""
    resting.host.break_with("", SINGLE)
    assert answers(resting, 2) == {500}
    pid_file = "cat /var/lib/postgresql/*/main/postmaster.pid"
    before = resting.host.run(pid_file).stdout
    started = "systemctl show -P StateChangeTimestampMonotonic 'postgresql@*'"
    changed = resting.host.run(started).stdout
    code, incident, output = recovered(resting)
    assert (code, incident["outcome"]) == (0, "locked"), output
    assert [action for action in incident["actions"] if action["changed"]] == [], output
    assert "--single" in output or "postgres" in incident["message"], output
    assert (resting.host.run(pid_file).stdout, resting.host.run(started).stdout) == (before, changed)
    resting.host.run("pkill -f '^/usr/lib/postgresql/.*--single'")
    resting.host.break_with("", "until_true '! pgrep -f [-]-single'; rm -f /run/hand /tmp/hand.log")
    code, incident, output = recovered(resting)
    assert (code, incident["outcome"], answers(resting, 2)) == (0, "recovered", {200}), output


def test_an_app_that_rests_with_its_database_is_not_started(resting: Site) -> None:
    """As on the passive node of a pair: the cluster is to be started by hand, and the unit was stopped."""
    conf = "/etc/postgresql/*/main/start.conf"
    resting.host.break_with(
        "", f"echo manual > {conf}; systemctl daemon-reload; systemctl stop 'postgresql*'; stop_app"
    )
    with left_as_it_was(resting):
        code, incident, output = recovered(resting)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-approval", []), output
    assert "database/kept-by-hand" in named(incident), output
    resting.host.break_with("", f"echo auto > {conf}; systemctl daemon-reload")
    code, incident, output = recovered(resting)
    assert (code, incident["outcome"], answers(resting, 2)) == (0, "recovered", {200}), output


# A program of no name that is known, as one on another host would be, loads rows and takes its time.
LOADS = r"""
stop_app
cp "$(ls -d /usr/lib/postgresql/*/bin)/psql" /srv/load
mkfifo /run/rows
(exec 9> /run/rows; sleep 9000) > /dev/null 2>&1 < /dev/null &
chown postgres /run/rows
setsid runuser -u postgres -- /srv/load -h /var/run/postgresql -d "$DATABASE_NAME" \
  -c 'COPY django_session FROM STDIN' < /run/rows > /dev/null 2>&1 &
until_true "runuser -u postgres -- psql -Atc 'SELECT query FROM pg_stat_activity' | grep -q '^COPY django_session'"
"""


def test_an_app_is_not_started_into_a_dump_that_is_loaded(resting: Site) -> None:
    """It may come from another host: PostgreSQL shows the session."""
    resting.host.break_with("", LOADS)
    with left_as_it_was(resting):
        code, incident, output = recovered(resting)
    assert (code, incident["outcome"]) == (0, "locked"), output
    assert "COPY" in incident["message"], output
    resting.host.break_with("", "pkill -x load; rm -f /run/rows /srv/load")
    code, incident, output = recovered(resting)
    assert (code, incident["outcome"], answers(resting, 2)) == (0, "recovered", {200}), output
