"""What takes the app's socket away is named, and the socket is made anew by starting what makes it."""

from __future__ import annotations

import pytest

from lab.site import Site, named

pytestmark = pytest.mark.nightly

# Another unit has the same RuntimeDirectory=: it stops, and takes the folder with it.
SHARED = """
cat > /etc/systemd/system/worker.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
RuntimeDirectory=shared
ExecStart=/bin/true
END
write_drop_in /etc shared '[Service]' 'RuntimeDirectory=shared'
serve_on_socket /run/shared/app.sock
systemctl start worker
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
systemctl stop worker
test ! -e /run/shared/app.sock
"""
# A line of tmpfiles.d for what somebody took for leftovers.
TIDIED = """
echo 'R /run/app-sockets' > /etc/tmpfiles.d/tidy.conf
serve_on_socket /run/app-sockets/app.sock
systemd-tmpfiles --remove /etc/tmpfiles.d/tidy.conf
test ! -e /run/app-sockets/app.sock
"""


@pytest.mark.parametrize("site", ["activated"], indirect=True)
def test_a_runtime_directory_takes_the_activated_socket(site: Site) -> None:
    """The socket unit is started anew with its service; the line to change is named."""
    site.host.break_with("service/activated-socket-removed")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert named(incident) == ["service/activated-socket-removed"]
    assert "RuntimeDirectory=tidied of " in incident["root_causes"][0]["because"]
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output


@pytest.mark.parametrize(
    ("script", "remover"),
    [(SHARED, "RuntimeDirectory=shared of worker.service"), (TIDIED, "/etc/tmpfiles.d/tidy.conf: R /run/app-sockets")],
    ids=["another unit's folder", "tmpfiles.d"],
)
def test_who_removed_the_socket_of_a_plain_service(site: Site, script: str, remover: str) -> None:
    """It makes it anew at its start; who will remove it again is named."""
    site.host.break_with("", script)
    assert site.host.ask(site.shape.api_path)[0] == 502
    code, incident, output = site.play("recover")
    assert remover in incident["root_causes"][0]["because"], output
    assert (code, incident["outcome"]) == (0, "recovered"), output
