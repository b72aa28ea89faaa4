"""An app that runs and answers has read its code: what it could not read at its next start is no outage."""

from __future__ import annotations

import pytest

from lab.site import Site, differences, named

pytestmark = pytest.mark.nightly

CLOSED = """
chown root:root "$ROOT/$APP_LABEL/models.py"; chmod 600 "$ROOT/$APP_LABEL/models.py"
systemctl stop nginx
"""


def test_an_app_that_serves_is_not_restarted_for_its_code(site: Site) -> None:
    """nginx is down: it is started, and that is all. The closed file is reported, and waits for approval."""
    site.host.break_with("", CLOSED)
    assert site.host.run('runuser -u "$APP_USER" -- test -r "$ROOT/$APP_LABEL/models.py"', check=False).returncode
    assert site.host.run('curl -s -o /dev/null -w "%{http_code}" http://127.0.0.1:8000/health/').stdout == "200"
    app = site.host.run("systemctl show -P InvocationID $UNIT").stdout
    before = site.host.snapshot()
    _code, incident, output = site.play("recover")
    assert [cause["id"] for cause in incident["root_causes"]] == ["proxy/stopped"], output
    assert [action["remedy"] for action in incident["actions"] if action["changed"]] == ["start_nginx"], output
    assert "files/code-unreadable" in named(incident), output
    assert site.host.ask(site.shape.api_path)[0] == 200
    assert site.host.run("systemctl show -P InvocationID $UNIT").stdout == app
    assert differences(before, site.host.snapshot()) == set()
