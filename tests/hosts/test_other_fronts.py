"""Real Apache, HAProxy and Caddy before the app in nginx's place, and a process called Traefik (Debian has none)."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from managers import INSTALL

from lab import look
from lab.site import Site, named

pytestmark = pytest.mark.nightly

ONLY_THE_UNIT = {"rescue502_edge": [], "rescue502_health_url": "", "rescue502_cors_origin": ""}
PREPARED = INSTALL.replace("PACKAGES", "apache2 haproxy caddy") + (
    "systemctl disable -q --now nginx\nsystemctl disable -q apache2 haproxy caddy\n"
    "a2enmod -q proxy proxy_http > /dev/null\n"
)
ASKED = "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
# front NAME ADDRESS: that one alone stands before the app, is enabled, and sends to an address.
FRONTS = """
front() {
  for unit in apache2 haproxy caddy traefik; do systemctl disable -q --now "$unit" 2> /dev/null || true; done
  case "$1" in
  apache2)
    printf '%s\\n' '<VirtualHost *:80>' 'ProxyPreserveHost On' "ProxyPass / http://$2/ connectiontimeout=2 retry=0" \\
      '</VirtualHost>' > /etc/apache2/sites-enabled/000-default.conf ;;
  haproxy)
    printf '%s\\n' defaults ' mode http' ' timeout connect 2s' ' timeout client 9s' ' timeout server 9s' \\
      'frontend f' ' bind *:80' ' default_backend b' 'backend b' " server s $2" > /etc/haproxy/haproxy.cfg ;;
  caddy)
    printf '%s\\n' 'http:// {' " reverse_proxy $2" '}' > /etc/caddy/Caddyfile ;;
  traefik)
    cp "$(readlink -f /usr/sbin/haproxy)" /usr/local/bin/traefik
    sed "s/^ server s .*/ server s $2/" /etc/haproxy/haproxy.cfg > /etc/traefik.cfg
    printf '%s\\n' '[Service]' 'ExecStart=/usr/local/bin/traefik -db -f /etc/traefik.cfg' '[Install]' \\
      'WantedBy=multi-user.target' > /etc/systemd/system/traefik.service
    systemctl daemon-reload ;;
  esac
  systemctl enable -q --now "$1"
  until_true '(exec 3<>/dev/tcp/127.0.0.1/80)'
}
"""
NAMES = {"apache2": "Apache", "haproxy": "HAProxy", "caddy": "Caddy", "traefik": "Traefik"}


def test_another_front(site: Site) -> None:
    """Well it is called well; sending elsewhere or stopped, it is named and its own check is shown; nginx stays off."""
    site.host.break_with("", PREPARED)
    site.full = False
    for name, server in NAMES.items():
        site.host.break_with("", f"{FRONTS}front {name} $BIND\nuntil_true \"{ASKED} | grep -qE '200|301'\"\n")
        found = look.diagnosed(site.host, load(), ONLY_THE_UNIT)
        assert (found.evidence["edge"]["well"], found.root_causes) == (True, ()), name
        site.host.break_with("", f"{FRONTS}front {name} 127.0.0.1:8017\nuntil_true \"{ASKED} | grep -qE '50[23]'\"\n")
        (cause,) = look.diagnosed(site.host, load(), ONLY_THE_UNIT).root_causes
        assert (cause.id, f"{server} listens on" in cause.because) == ("proxy/other-front", True), cause.because
        assert f"journalctl -u {name}.service" in cause.by_hand
        site.host.break_with("", f"systemctl stop {name}")
        (cause,) = look.diagnosed(site.host, load(), ONLY_THE_UNIT).root_causes
        assert (cause.id, f"{name}.service ({server}) is enabled and" in cause.because) == (
            "proxy/other-front-stopped",
            True,
        ), cause.because
        assert f"systemctl start {name}.service" in cause.by_hand
    # The app's own cause counts, and is repaired; the front is left alone, and nginx stays off.
    site.host.break_with("", f'{FRONTS}front apache2 $BIND\nstop_app\nuntil_true "{ASKED} | grep -q 503"\n')
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["service/stopped"]), output
    assert [action["remedy"] for action in incident["actions"]] == ["restart"], output
    assert site.host.run("systemctl is-active nginx apache2", check=False).stdout.split() == ["inactive", "active"]
