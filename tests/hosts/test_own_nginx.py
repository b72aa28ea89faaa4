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


# As packages of others leave it, or somebody who built it: another unit, another program, another main file.
OTHER_UNIT = """
mkdir -p /opt/edge/sbin /opt/edge/conf
cp /usr/sbin/nginx /opt/edge/sbin/{program}
mv /etc/nginx/nginx.conf /opt/edge/conf/nginx.conf
sed -i 's#include \\([a-z]\\)#include /etc/nginx/\\1#; s#^pid .*#pid /run/edge.pid;#' /opt/edge/conf/nginx.conf
systemctl stop nginx
{before}
cat > /etc/systemd/system/{unit} <<'END'
[Service]
Type=forking
PIDFile=/run/edge.pid
ExecStart=/opt/edge/sbin/{program} -c /opt/edge/conf/nginx.conf
ExecReload=/opt/edge/sbin/{program} -c /opt/edge/conf/nginx.conf -s reload
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now {unit}
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
UNITS = {
    "nginx-custom.service": {"program": "nginx", "before": "systemctl disable nginx"},
    "openresty.service": {"program": "openresty", "before": "systemctl mask nginx"},
}


@pytest.mark.nightly
@pytest.mark.parametrize("unit", UNITS)
def test_nginx_under_another_unit(site: Site, unit: str) -> None:
    """It is asked while it runs, started where it is stopped, and its own configuration is what counts."""
    site.host.break_with("", OTHER_UNIT.format(unit=unit, **UNITS[unit]))
    code, incident, output = site.play("diagnose", rescue502_level="full")
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output
    assert incident["evidence"]["proxy"]["unit"]["name"] == unit
    assert incident["evidence"]["proxy"]["test"]["valid"] is True
    site.host.run(f"systemctl stop {unit}")
    assert site.host.ask(site.shape.api_path)[0] == 0, "the fault"
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["proxy/stopped"]), output
    assert site.host.run(f"systemctl is-active {unit} nginx", check=False).stdout.split() == ["active", "inactive"]
    # What it refuses is its own file's fault.
    site.host.run(f"echo 'oops on;' >> /opt/edge/conf/nginx.conf; systemctl restart {unit} || true")
    code, incident, output = site.play("recover")
    assert (named(incident), incident["actions"]) == (["proxy/config-invalid"], []), output
    assert "/opt/edge/conf/nginx.conf" in incident["root_causes"][0]["because"]
