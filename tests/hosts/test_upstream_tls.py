"""TLS between nginx and the app on a real host: certificates that one of them refuses, and two that speak otherwise."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, differences, named

CATALOGUE = load()
CERTIFICATE, REFUSES, MISMATCH = "proxy/upstream-certificate", "proxy/upstream-refuses-tls", "proxy/protocol-mismatch"
# Bash: how nginx asks the app, a certificate for a name, and the app started anew until the fault shows.
FUNCTIONS = r"""
ask_by() {
  sed -i '/^ *proxy_ssl_/d' "$NGINX_SITE"
  sed -i "s#proxy_pass https*:#${2:-}\n        proxy_pass $1:#" "$NGINX_SITE"
  nginx -t
  systemctl reload nginx
}
verified() { echo "proxy_ssl_verify on;\n        proxy_ssl_trusted_certificate $1; ${2:-}"; }
named_in_it() {
  printf 'subjectAltName=DNS:%s\nauthorityKeyIdentifier=keyid\n' "$1" > /etc/ssl/app/names
  shift
  sign_for_tls "$@"
}
shown() {
  restart_app
  until_true "ss -Hltn | grep -q $BIND"
  until_true "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH | grep -qE '$1'"
}
NAME='proxy_ssl_name app.internal;'
WANTS='--cert-reqs 2 --ca-certs /etc/ssl/app.pem'
"""
# How it goes wrong, one after the other; what nginx logs of it; the cause, and what is said of it.
WAYS = {
    "it has expired": (
        "sign_for_tls -days -1",
        "(10:certificate has expired)",
        CERTIFICATE,
        "what 127.0.0.1:8000 shows now is for app.internal and expired ",
    ),
    "it is for another name": (
        "named_in_it old.internal -days 90",
        'does not match "app.internal"',
        CERTIFICATE,
        'does not match "app.internal": what 127.0.0.1:8000 shows now is for old.internal and is good for ',
    ),
    "it is compared with an address": (
        'named_in_it app.internal -days 90; ask_by https "$(verified /etc/ssl/app.pem)"',
        'does not match "127.0.0.1"',
        CERTIFICATE,
        'upstream SSL certificate does not match "127.0.0.1"',
    ),
    "another authority is trusted": (
        'ask_by https "$(verified /etc/nginx/tls/site.crt "$NAME")"',
        "SSL certificate verify error: (21:",
        CERTIFICATE,
        "verify error: (21:unable to verify the first certificate): what 127.0.0.1:8000 shows now is for app.internal",
    ),
    "the app wants a certificate of nginx": (
        'ask_by https "$(verified /etc/ssl/app.pem "$NAME")"\n'
        "write_drop_in /run wants '[Service]' 'ExecStart=' \"ExecStart=$(start_command) $WANTS\"",
        "SSL alert number",
        REFUSES,
        "nginx shows it no certificate of its own",
    ),
    "the app does not trust nginx's": (
        'OWN="proxy_ssl_certificate /etc/nginx/tls/site.crt; proxy_ssl_certificate_key /etc/nginx/tls/site.key;"\n'
        'ask_by https "$(verified /etc/ssl/app.pem "$NAME $OWN")"',
        "alert unknown ca",
        REFUSES,
        "nginx shows it /etc/nginx/tls/site.crt",
    ),
    "plain text is spoken to TLS": (
        "rm -r /run/systemd/system/$UNIT.d; systemctl daemon-reload; ask_by http",
        "upstream",
        MISMATCH,
        "sends to 127.0.0.1:8000 by http; https://127.0.0.1:8000/health/ answers 200",
    ),
    "TLS is spoken to plain text": (
        # gunicorn waits for the end of a line in it, if it has none by chance.
        "rm -r /etc/systemd/system/$UNIT.d; systemctl daemon-reload; ask_by https 'proxy_connect_timeout 2s;'",
        "while SSL handshaking to upstream",
        MISMATCH,
        "sends to 127.0.0.1:8000 by https",
    ),
}


@pytest.mark.nightly
def test_each_way_is_named(site: Site) -> None:
    """One after the other on one host; nothing is changed, and nothing is found where the two understand each other."""
    site.host.break_with("", f"{FUNCTIONS}\nserve_by_tls -days 90\nshown 200")
    assert look.diagnosed(site.host, CATALOGUE).to_repair == ()
    # A new authority and a certificate of its, and nginx has still the old one.
    site.host.break_with("", f"{FUNCTIONS}\nauthority_for_tls\nsign_for_tls -days 90\nshown 502")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["proxy/stale-config"]), output
    assert [action["remedy"] for action in incident["actions"]] == ["reload_nginx"]
    for way, (script, logged, cause, said) in WAYS.items():
        site.host.break_with("", f"{FUNCTIONS}\n{script}\nshown '400|50[24]'")
        assert site.host.ask(site.shape.api_path)[0] in (400, 502, 504), way
        assert logged in site.host.run("tail -n 1 /var/log/nginx/error.log").stdout, way
        broken = site.host.snapshot()
        found = look.diagnosed(site.host, CATALOGUE)
        assert [item.id for item in found.root_causes] == [cause], way
        assert said in found.root_causes[0].because, way
        assert found.root_causes[0].known.how == "observed", way
        assert differences(broken, site.host.snapshot()) == set(), way
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == [MISMATCH]
