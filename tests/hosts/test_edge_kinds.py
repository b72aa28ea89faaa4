"""IPv6 literals, names in variables, CORS on errors alone: what the edge does on real hosts, several on each."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site
from lab.site import named as causes

pytestmark = pytest.mark.nightly
CATALOGUE = load()
ON_IPV6 = r"""
set_variable ALLOWED_HOSTS "$SERVER_NAME,[::1],localhost,127.0.0.1"
unit_drop_in '[Service]' 'ExecStart=' "ExecStart=$(start_command | sed "s#$BIND#[::1]:$UPSTREAM_PORT#")"
sed -i "s#http://$BIND#http://[::1]:$UPSTREAM_PORT#; 0,/listen 80;/s#listen 80;#&\n    listen [::]:80;#" "$NGINX_SITE"
sed -i "s#^ *server_name .*#    server_name $SERVER_NAME [::1];#" "$NGINX_SITE"
restart_app
systemctl restart nginx
until_true "curl -gsf -o /dev/null 'http://[::1]/health/'"
"""
OTHER_ON_IPV6 = r"""
sed -i '/listen \[::\]:80/d' "$NGINX_SITE"
printf 'server { listen [::]:80; return 404; }' > /etc/nginx/conf.d/six.conf
systemctl start "$UNIT"
systemctl restart nginx
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1/health/"
"""


def named(site: Site, url: str, host: str = "", **check: object) -> list[str]:
    """The root causes of a look with this one check."""
    wanted = {"url": url, "host": host, "verify_tls": False, **check}
    found = look.diagnosed(site.host, CATALOGUE, {"rescue502_edge": [wanted]})
    return [cause.id for cause in found.root_causes]


def test_ipv6_literals(site: Site) -> None:
    """In an address that is checked, in server_name and listen, in proxy_pass and in gunicorn's --bind."""
    site.host.break_with("", ON_IPV6)
    evidence = look.look(site.host, {"rescue502_edge": [{"url": "http://[::1]/health/", "verify_tls": False}]})
    assert evidence["edge"]["well"] is True
    (upstream,) = evidence["proxy"]["upstreams"]
    assert (upstream["address"], upstream["is_ours"], upstream["listening"]) == ("[::1]:8000", True, True)
    site.host.run("systemctl stop $UNIT")
    assert named(site, "http://[::1]/health/") == ["service/stopped"]
    # Another server answers what comes in by IPv6.
    site.host.break_with("", OTHER_ON_IPV6)
    assert site.host.ask("/health/")[0] == 200
    assert named(site, "http://[::1]/health/", site.shape.server_name) == ["proxy/name-not-served"]


def test_a_name_in_a_variable_and_cors_on_errors(site: Site) -> None:
    """nginx asks its own resolver at each request; without `always` errors have none of its headers."""
    server, path = site.shape.server_name, "/nothing/is/here"
    site.host.run(
        "sed -i 's#location / {#&\\n        proxy_hide_header Access-Control-Allow-Origin;\\n"
        '        add_header Access-Control-Allow-Origin "$http_origin";#\' $NGINX_SITE; systemctl reload nginx'
    )
    assert site.host.ask(path)[0] == 404, "the fault"
    assert "access-control-allow-origin" not in site.host.ask(path)[1], "the fault"
    assert named(site, f"http://127.0.0.1{path}", server, status=404) == ["edge/cors-lost-in-nginx"]
    site.host.run(
        "sed -i 's#proxy_pass .*#set $up backend.internal.example; proxy_pass http://$up:8000;#' $NGINX_SITE;"
        " systemctl restart nginx"
    )
    assert site.host.ask("/health/")[0] == 502, "the fault"
    assert named(site, "http://127.0.0.1/health/", server) == ["proxy/upstream-unresolved"]


def test_behind_clients_certificates(site: Site) -> None:
    """What answers is left alone, though the edge cannot prove it; an app that is down all the same is started."""
    site.host.break_with("proxy/client-certificate")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert causes(incident) == ["proxy/client-certificate"], output
    site.host.run("systemctl stop $UNIT")
    _code, incident, output = site.play("recover")
    assert [action["remedy"] for action in incident["actions"]] == ["restart"], output
    assert site.host.run("systemctl is-active $UNIT").stdout.strip() == "active"
    assert site.host.ask("/health/")[0] == 200
