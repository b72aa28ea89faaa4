"""nginx that is not root's: asking it whether its configuration is valid must not take its folders away from it."""

from __future__ import annotations

import pytest

from lab.site import Site, named

# As distributions' hardening guides have it: no `user` line, an account of its own, and the right to open ports.
WITHOUT_ROOT = """
useradd --system --no-create-home edge
systemctl stop nginx
sed -i -e '/^user /d' -e 's#^pid .*#pid /run/nginx/nginx.pid;#' /etc/nginx/nginx.conf
mkdir -p /etc/systemd/system/nginx.service.d
cat > /etc/systemd/system/nginx.service.d/account.conf <<'END'
[Service]
User=edge
SupplementaryGroups=www-data
AmbientCapabilities=CAP_NET_BIND_SERVICE
RuntimeDirectory=nginx
PIDFile=
PIDFile=/run/nginx/nginx.pid
END
rm -f /run/nginx.pid
chown -R edge: /var/lib/nginx /var/log/nginx
chgrp -R edge /etc/nginx/tls; chmod -R g+rX /etc/nginx/tls
systemctl daemon-reload
systemctl start nginx
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
[ "$(stat -c %U "/proc/$(systemctl show -P MainPID nginx)")" = edge ]
"""
OWNERS = "find /var/lib/nginx /run/nginx -printf '%p %u %m\\n' | sort; ls /run/nginx.pid 2>&1 || true"


@pytest.mark.nightly
def test_its_folders_stay_its_own(site: Site) -> None:
    """Looked at in full, packed into a bundle, and reloaded as a remedy: each asks nginx."""
    site.host.break_with("", WITHOUT_ROOT)
    before = site.host.run(OWNERS).stdout
    assert "/var/lib/nginx/body edge" in before
    for playbook in ("diagnose", "bundle"):
        code, _incident, output = site.play(playbook, rescue502_level="full")
        assert (code, site.host.run(OWNERS).stdout) == (0, before), output
    site.host.break_with("proxy/stale-config")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["proxy/stale-config"]), output
    assert site.host.run(OWNERS).stdout == before
