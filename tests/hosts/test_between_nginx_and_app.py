"""What nginx does with requests that the app would answer, on real hosts: several ways on each, one after the other.

Each is planted in nginx's files as they were, is seen at the edge, and is named alone.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis

from lab import look
from lab.site import Site, settings_for

pytestmark = pytest.mark.nightly
CATALOGUE = load()
KEEP = "rm -rf /root/nginx && cp -a /etc/nginx /root/nginx"
RESTORE = r"""
rm -rf /etc/nginx /etc/systemd/system/nginx.service.d && cp -a /root/nginx /etc/nginx
systemctl daemon-reload
systemctl unmask -q nginx
systemctl reset-failed nginx
: > /var/log/nginx/error.log
systemctl restart nginx
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
RELOAD = "\nnginx -t && systemctl reload nginx; sleep 0.5\n"
RESTART = "\nsystemctl restart nginx || true; sleep 0.5\n"


def in_location(lines: str) -> str:
    """Lines at the beginning of the location that hands requests on."""
    return f"""sed -i '0,/location \\/ {{/s#location / {{#&\\n        {lines}#' "$NGINX_SITE"{RELOAD}"""


def in_server(lines: str) -> str:
    """Lines at the beginning of the site's server."""
    return f"""sed -i '0,/server_name/s#^ *server_name .*#&\\n    {lines}#' "$NGINX_SITE"{RELOAD}"""


CACHE = r"""
install -d -o www-data /var/cache/answers
sed -i 's#http {#&\nproxy_cache_path /var/cache/answers keys_zone=answers:1m;#' /etc/nginx/nginx.conf
"""
# By what is named: plants, each with a status that the edge shows for the interface then; 0 where there is no answer.
PLANTS: list[tuple[str, str, int]] = [
    ("proxy/path-changed", in_location("rewrite ^/api/(.*)$ /v2/$1 break;"), 404),
    ("proxy/path-changed", in_server("rewrite ^/api/(.*)$ /interface/$1;"), 404),
    ("proxy/redirects-by-itself", in_server("return 301 https://old.example$request_uri;"), 301),
    ("proxy/redirects-by-itself", in_location("rewrite ^/(.*)$ https://$host/$1 permanent;"), 301),
    ("proxy/header-doubled", in_location("include proxy_params;"), 400),
    ("proxy/authorization-service", in_server("location = /ask { internal; proxy_pass http://127.0.0.1:9180; }")
     + in_location("auth_request /ask;"), 500),
    ("edge/cors-lost-in-nginx", in_location("proxy_hide_header Access-Control-Allow-Origin;"), 200),
    ("proxy/origin-not-passed", in_location("proxy_pass_request_headers off;"), 200),
    # The front end of another origin asked first, and the copy says so to all.
    ("proxy/cached-answer", CACHE + in_location("proxy_cache answers; proxy_cache_valid 1h; proxy_ignore_headers Vary;")
     + 'curl -so /dev/null -H "Host: $SERVER_NAME" http://127.0.0.1/health/', 200),
    # What no failure mode knows is still put where it stands.
    ("edge/differs-from-app", in_location("try_files $uri $uri/ =404;"), 404),
    ("edge/differs-from-app", in_location("try_files $uri @nowhere;"), 500),
    ("proxy/file-not-served", in_server("location ~ ^/(api|health) { root /var/www/html; }"), 404),
    ("edge/differs-from-app", in_location("limit_except OPTIONS { deny all; }"), 403),
    ("edge/differs-from-app", in_location("rewrite ^ /x$uri last;"), 500),
    ("proxy/not-listening", "sed -i 's/listen 80;/listen 8080;/' \"$NGINX_SITE\"" + RESTART, 0),
    ("proxy/tls-handshake", in_server("ssl_reject_handshake on;"), 200),
    ("proxy/proxy-protocol", "sed -i 's/listen 80;/listen 80 proxy_protocol;/' \"$NGINX_SITE\"" + RESTART, 0),
]  # fmt: skip
DROP_INS = "/etc/systemd/system/nginx.service.d"
# A unit that fails.
GATE = r"; printf '[Service]\nType=oneshot\nExecStart=/bin/false\n' > /etc/systemd/system/gate.service"
UNITS: list[tuple[str, str]] = [
    ("proxy/unit-refuses", r"[Service]\nReadOnlyPaths=/run /var/log/nginx"),
    ("proxy/unit-refuses", r"[Service]\nUser=nobody"),
    ("proxy/not-listening", r"[Service]\nPrivateNetwork=yes"),
    ("proxy/dependency-failed", r"[Unit]\nRequires=gate.service\nAfter=gate.service"),
]


def named(found: Diagnosis) -> list[str]:
    """The root causes."""
    return [cause.id for cause in found.root_causes]


def test_what_lies_between(site: Site) -> None:
    """Seventeen ways, each named alone, and none of them is the app's."""
    site.host.run(KEEP)
    for number, (wanted, plant, status) in enumerate(PLANTS):
        site.host.break_with("", RESTORE + plant)
        assert site.host.ask(site.shape.api_path)[0] == status, f"the fault: {plant}"
        found = look.diagnosed(site.host, CATALOGUE, checks(site, plant))
        assert found.evidence["edge"]["well"] is False, f"the fault: {plant}"
        assert named(found) == [wanted], f"{number}: {plant}: {[cause.because for cause in found.root_causes]}"
    site.host.break_with("", RESTORE)
    assert named(look.diagnosed(site.host, CATALOGUE)) == []


def checks(site: Site, plant: str) -> dict[str, Any]:
    """One check of the interface in the clear, or, of what is about TLS, the usual ones."""
    if "handshake" in plant:
        return {}
    path = "/health/" if "answers" in plant else site.shape.api_path
    url = f"http://127.0.0.1{path}"
    return {"rescue502_edge": [{"url": url, "host": site.shape.server_name, "verify_tls": False}]}


def test_nginxs_own_unit(site: Site) -> None:
    """Its configuration is valid, and it does not run, or not where anybody reaches it."""
    site.host.run(KEEP + GATE)
    for wanted, lines in UNITS:
        drop_in = f"mkdir -p {DROP_INS}; printf '{lines}\n' > {DROP_INS}/own.conf"
        site.host.break_with("", f"{RESTORE}\n{drop_in}\nsystemctl daemon-reload; systemctl stop nginx{RESTART}")
        assert site.host.ask("/health/")[0] == 0, f"the fault: {lines}"
        assert named(look.diagnosed(site.host, CATALOGUE)) == [wanted], lines
    site.host.break_with("", f"{RESTORE}\nsystemctl stop nginx; systemctl mask -q nginx")
    assert named(look.diagnosed(site.host, CATALOGUE)) == ["proxy/masked"]
    site.host.break_with("", f"systemctl unmask -q nginx\n{RESTORE}\nchmod a-x /usr/sbin/nginx{RESTART}")
    assert named(look.diagnosed(site.host, CATALOGUE)) == ["proxy/unit-refuses"]


def test_a_name_that_django_takes_by_its_end(site: Site) -> None:
    """`.example` allows all names below it: a 400 for another reason is not one of ALLOWED_HOSTS."""
    site.host.break_with("", 'set_variable ALLOWED_HOSTS ".${SERVER_NAME#*.}"\nrestart_app')
    assert site.host.ask(site.shape.api_path)[0] == 200
    site.host.break_with("proxy/forwarded-contradictory")
    found = look.diagnosed(site.host, CATALOGUE, settings_for("proxy/forwarded-contradictory", site.shape))
    assert 400 in found.evidence["edge"]["statuses"]
    assert [cause.id for cause in found.root_causes] == ["proxy/forwarded-contradictory"]
