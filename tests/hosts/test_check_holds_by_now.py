"""A check before the app that failed at the start, and would do well by now: nothing tries again by itself."""

from __future__ import annotations

import pytest

from lab.site import Site, named

pytestmark = pytest.mark.nightly

# While the share is away visitors come, until systemd gives up the socket.
AWAY = """
mkdir -p /srv/share; touch /srv/share/.mounted
unit_drop_in '[Service]' 'ExecStartPre=/usr/bin/test -e /srv/share/.mounted'
systemctl disable -q "$UNIT"; systemctl stop $SOCKET_UNIT "$UNIT"; systemctl start $SOCKET_UNIT
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' 'http://127.0.0.1$API_PATH'"
rm /srv/share/.mounted
systemctl stop "$UNIT"; systemctl start $SOCKET_UNIT || true
visit="curl -s -m 1 -o /dev/null -H 'Host: $SERVER_NAME' 'http://127.0.0.1$API_PATH'"
until_true "$visit; systemctl is-failed -q $SOCKET_UNIT"
"""


@pytest.mark.parametrize("site", ["activated"], indirect=True)
def test_a_socket_is_started_again(site: Site) -> None:
    """As long as the check fails, a person is asked; once it would do well, socket and site are back, and no more."""
    site.host.break_with("", AWAY)
    assert site.host.ask(site.shape.api_path)[0] == 502
    _code, incident, output = site.play("diagnose")
    assert named(incident) == ["service/start-check-failed"], output
    site.host.run("touch /srv/share/.mounted")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["service/gave-up-too-early"]), output
    states = site.host.run("systemctl is-active $SOCKET_UNIT; systemctl is-enabled $UNIT || true").stdout.split()
    assert states == ["active", "disabled"]
