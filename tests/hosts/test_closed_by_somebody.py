"""Apps that somebody has closed or moved away from: nothing is opened, and nothing is started, nor for a trial."""

from __future__ import annotations

import pytest
from unharmed import left_as_it_was

from lab.site import Site, named

pytestmark = pytest.mark.nightly

# How it is closed, and what is named.
CLOSED = {
    "account and folder": (
        'usermod -L -e 1 "$APP_USER"; chown root:root "$ROOT"; chmod 0 "$ROOT"; restart_app; '
        'until_true "systemctl is-failed -q $UNIT"',
        "files/code-unreadable",
    ),
    "account, and folder to root": (
        'usermod -e 1 "$APP_USER"; chown root:root "$ROOT"; chmod 700 "$ROOT"; restart_app; '
        'until_true "systemctl is-failed -q $UNIT"',
        "files/code-unreadable",
    ),
    "account alone": ('usermod -e 1 "$APP_USER"; stop_app', "service/stopped"),
    "folder alone": ('chown root:root "$ROOT"; chmod 0 "$ROOT"; restart_app', "files/parent-not-traversable"),
    "code alone": (
        # It is over when systemd has given up.
        'chown root:root "$ROOT/$PACKAGE"; chmod 0 "$ROOT/$PACKAGE"; restart_app; '
        'until_true "systemctl is-failed -q $UNIT"',
        "files/code-unreadable",
    ),
}


def expires(site: Site) -> str:
    """The day on which the app's account expires, counted from 1970 (shadow(5)); empty where it never does."""
    return site.host.run('getent shadow "$APP_USER"').stdout.split(":")[7]


@pytest.mark.parametrize("how", CLOSED)
def test_it_is_not_opened(site: Site, how: str) -> None:
    """A suspended customer's account has expired; a mode of 0000 is nobody's slip."""
    script, name = CLOSED[how]
    site.host.break_with("", script)
    assert site.host.ask(site.shape.api_path)[0] == 502
    assert expires(site) == ("1" if how.startswith("account") else ""), "the account has expired on 1970-01-02"
    with left_as_it_was(site):
        _code, incident, output = site.play("recover", rescue502_level="full")
    assert incident["outcome"] == "needs-approval", output
    assert name in named(incident), output
    assert incident["actions"] == []


# What starts with the app, and is seen. The site has moved: nginx passes visitors on to a host that is down.
SCHEDULER = """
cat > "$ROOT/gunicorn.conf.py" <<'END'
def when_ready(server):
    with open("MEDIA/payments-sent", "a") as file:
        file.write(str(server.pid))
END
sed -i "s|MEDIA|$MEDIA_ROOT|" "$ROOT/gunicorn.conf.py"
chown "$APP_USER" "$ROOT/gunicorn.conf.py"
restart_app
until_true 'test -s "$MEDIA_ROOT/payments-sent"'
stop_app
rm "$MEDIA_ROOT/payments-sent"
"""
MOVED = {
    "its unit is disabled, and nginx sends it nothing": """
        ip route add unreachable 10.77.0.0/24
        systemctl disable -q "$UNIT"
        sed -i "s|proxy_pass http://127.0.0.1:$UPSTREAM_PORT;|proxy_pass http://10.77.0.2:8000;|" "$NGINX_SITE"
        grep -q 10.77.0.2 "$NGINX_SITE"
        systemctl reload nginx
        """,
    "its database is to be started by hand alone": """
        VERSION="$(ls /etc/postgresql)"
        systemctl stop "postgresql@$VERSION-main" postgresql
        echo disabled > "/etc/postgresql/$VERSION/main/start.conf"
        systemctl daemon-reload
        """,
}


@pytest.mark.parametrize("how", MOVED)
def test_it_is_not_started_for_a_trial(site: Site, how: str) -> None:
    """What would start with it would do its work a second time."""
    site.host.break_with("", SCHEDULER + MOVED[how])
    assert site.host.ask(site.shape.api_path)[0] in (502, 504)
    with left_as_it_was(site):
        _code, incident, output = site.play("recover", rescue502_level="full")
    assert (incident["actions"], incident["evidence"]["shadow_start"]["tried"]) == ([], False), output
    assert site.host.run('test ! -e "$MEDIA_ROOT/payments-sent"', check=False).returncode == 0


# As between pg_upgrade --link and the first start, while standbys are copied from it.
AMID_AN_UPGRADE = """
VERSION="$(ls /etc/postgresql)"
systemctl stop "postgresql@$VERSION-main" postgresql
pg_createcluster "$VERSION" new -p 5432 --start-conf=manual
echo disabled > "/etc/postgresql/$VERSION/main/start.conf"
systemctl daemon-reload
"""


def test_of_two_clusters_for_one_port_none_is_started(site: Site) -> None:
    """Where start.conf leaves both to a person; the one that may be started is named."""
    site.host.break_with("", AMID_AN_UPGRADE)
    assert site.host.ask(site.shape.api_path)[0] == 500
    with left_as_it_was(site):
        _code, incident, output = site.play("recover", rescue502_level="full")
    assert (incident["outcome"], named(incident)[:1]) == ("needs-approval", ["database/kept-by-hand"]), output
    assert "-new.service is down" in incident["root_causes"][0]["because"]
    assert site.host.run("pg_lsclusters -h").stdout.count(" down ") == 2


def test_an_account_that_has_expired_by_a_rule_of_the_house_bars_nothing(site: Site) -> None:
    """As where all accounts of services are locked and expired: a log that root has taken is given back."""
    site.host.break_with("", 'usermod -L -e 1 "$APP_USER"')
    assert expires(site) == "1"
    site.host.break_with("files/log-not-writable")
    _code, incident, output = site.play("recover")
    assert (incident["outcome"], named(incident)) == ("recovered", ["files/log-not-writable"]), output
