"""A unit that starts a script, or a shell's line, which makes the variables and ends in the server."""

from __future__ import annotations

import pytest

from lab.site import Site, differences, named

pytestmark = pytest.mark.nightly

# The variables are the shell's: systemd knows none of them.
SCRIPT = """
sed -E "s/^([A-Z_]+)=(.*)$/export \\\\1='\\\\2'/" "$ENV_FILE" > /etc/site.sh; mv "$ENV_FILE" /root/environment
chown "root:$APP_GROUP" /etc/site.sh; chmod 640 /etc/site.sh
printf '#!/bin/bash\\n. /etc/site.sh\\ncd %s\\nexec %s\\n' "$ROOT" "$(start_command)" > /usr/local/bin/start-site
chmod 755 /usr/local/bin/start-site
"""
WAYS = {
    "a script": "ExecStart=/usr/local/bin/start-site",
    "a shell's line": "ExecStart=/bin/bash -c '. /etc/site.sh; exec $(start_command)'",
}
# The shell takes what follows the $ for a variable's name.
EXPANDED = """
(cd / && runuser -u postgres -- psql -qc "ALTER ROLE $DATABASE_USER PASSWORD 'Kq9vTz\\$Rw7mLp2xA'")
sed -i 's/^export DB_PASSWORD=.*/export DB_PASSWORD="Kq9vTz$Rw7mLp2xA"/' /etc/site.sh
grep -qF 'DB_PASSWORD="Kq9vTz$Rw7mLp2xA"' /etc/site.sh
systemctl restart "$UNIT"
until_true "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' 'http://127.0.0.1$API_PATH' | grep -qx 500"
"""


@pytest.mark.parametrize("way", WAYS)
def test_what_runs_is_asked_for_its_variables(site: Site, way: str) -> None:
    """A healthy one is healthy. A password that the shell has changed is refused, and shows nowhere."""
    unit = f"unit_drop_in '[Service]' 'EnvironmentFile=' 'ExecStart=' \"{WAYS[way]}\"\n"
    site.host.break_with(
        "", f'{SCRIPT}{unit}restart_app; until_true "curl -sf -o /dev/null http://127.0.0.1:8000/health/"'
    )
    assert "DB_PASSWORD" not in site.host.run("systemctl show -P Environment -P EnvironmentFiles $UNIT").stdout
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], named(incident)) == (0, "healthy", []), output
    assert incident["evidence"]["stack"]["app"] == f"{site.shape.package}.wsgi:application"
    assert incident["evidence"]["rehearsal"]["steps"]["database"]["ok"] is True
    assert differences(before, site.host.snapshot()) == set()
    site.host.break_with("", EXPANDED)
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], named(incident)) == (2, "needs-human", ["database/wrong-password"]), output
    assert differences(before, site.host.snapshot()) == set()
    assert "Kq9vTz" not in output + str(incident)
