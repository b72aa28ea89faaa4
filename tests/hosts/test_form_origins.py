"""Real forms to a real Django behind a real nginx: each line by hand repairs what it is for, and nothing is made up."""

from __future__ import annotations

import re

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis

from lab import breaking, look
from lab.site import Site

pytestmark = pytest.mark.nightly
CATALOGUE = load()
PASSED, BELIEVED, HOST, TRUSTED = (
    f"edge/csrf-{name}" for name in ("scheme-not-passed", "scheme-not-believed", "host-differs", "origin-not-trusted")
)
FRONT_FORM = "contact/ https://xamila.example"
# nginx's own line in the place of another: file, line and whether it comes after it.
LINE = re.compile(r"editor \+(\d+) (\S+) +# (after|in place of) that line: (proxy_set_header [^;]+;)")
SETTING = re.compile(r"# add: (SECURE_PROXY_SSL_HEADER = .*), then")
ORIGIN = re.compile(r'# add "(\S+)" to CSRF_TRUSTED_ORIGINS')
WRITE_SETTING = "printf '%s\\n' '{}' >> $ROOT/$PACKAGE/settings.py; restart_app"

SECOND_NAME = r"""
set_variable ALLOWED_HOSTS "$SERVER_NAME,www.$SERVER_NAME,localhost,127.0.0.1"
sed -i "s#server_name .*#server_name $SERVER_NAME www.$SERVER_NAME;#; s#Host \$host;#Host \$server_name;#" "$NGINX_SITE"
restart_app
nginx -t && systemctl reload nginx
until_true "form_status admin/login/ https://www.$SERVER_NAME www.$SERVER_NAME | grep -q 403"
"""
# Another nginx ends TLS, and hands on to the one in question, which writes over what it was told.
IN_FRONT = r"""
cat > /etc/front.conf <<END
pid /run/front.pid;
error_log /dev/null;
events {}
http {
  access_log off;
  server {
    listen 443 ssl;
    ssl_certificate /etc/nginx/tls/site.crt;
    ssl_certificate_key /etc/nginx/tls/site.key;
    location / {
      proxy_pass http://127.0.0.1:80;
      proxy_set_header Host \$http_host;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
END
sed -i '/listen 443/d; /ssl_certificate/d' "$NGINX_SITE"
systemctl restart nginx
nginx -c /etc/front.conf
until_true "form_status | grep -q 403"
"""
# uvicorn on a Unix socket knows no address that it could trust.
ON_A_SOCKET = r"""
serve_on_socket /run/reproduction/app.sock
until_true "form_status | grep -q 403"
"""
SLASH = r"""
echo 'CSRF_TRUSTED_ORIGINS = ["https://xamila.example/", "http://xamila.example"]' >> "$ROOT/$PACKAGE/settings.py"
restart_app
until_true "form_status contact/ https://xamila.example | grep -q 403"
"""
WRAPPED = r"""
cat >> "$ROOT/$PACKAGE/wsgi.py" <<'END'
djangos = application


def application(environ, start_response):
    return djangos(dict(environ, **{"wsgi.url_scheme": "https"}), start_response)
END
restart_app
until_true "form_status | grep -q 200"
"""
OWN_MIDDLEWARE = r"""
cat > "$ROOT/$PACKAGE/https.py" <<'END'
class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.META["wsgi.url_scheme"] = request.environ["wsgi.url_scheme"] = "https"
        return self.get_response(request)
END
printf '\nMIDDLEWARE = ["%s.https.Middleware", *MIDDLEWARE]\n' "$PACKAGE" >> "$ROOT/$PACKAGE/settings.py"
restart_app
until_true "form_status | grep -q 200"
"""
LISTED = r"""
echo "CSRF_TRUSTED_ORIGINS = ['https://*.${SERVER_NAME#*.}']" >> "$ROOT/$PACKAGE/settings.py"
restart_app
until_true "form_status | grep -q 200"
"""
OWN_CSRF = r"""
cat > "$ROOT/$PACKAGE/lenient.py" <<'END'
from django.middleware.csrf import CsrfViewMiddleware


class Lenient(CsrfViewMiddleware):
    def _origin_verified(self, request):
        return True
END
printf '\nMIDDLEWARE.append("%s.lenient.Lenient")\n' "$PACKAGE" >> "$ROOT/$PACKAGE/settings.py"
sed -i '/admin/d' "$ROOT/$PACKAGE/urls.py"
cat >> "$ROOT/$PACKAGE/urls.py" <<'END'
from django.views.decorators.csrf import ensure_csrf_cookie

urlpatterns.append(path("form/", ensure_csrf_cookie(lambda request: JsonResponse({"taken": bool(request.POST)}))))
END
restart_app
until_true "form_status form/ | grep -q 200"
"""
NOT_PASSED = r"""
sed -i '/proxy_set_header X-Forwarded-Proto/d' "$NGINX_SITE"
nginx -t && systemctl reload nginx
until_true "form_status | grep -q 403"
"""


def status(site: Site, form: str = "") -> str:
    """What a form is answered."""
    return site.host.run(f"{breaking.prelude()}\nform_status {form}").stdout.strip()


def named(found: Diagnosis) -> list[str]:
    """Those of the failure modes here that a diagnosis names."""
    return [finding.id for finding in found.findings if "/csrf-" in finding.id]


def repair(site: Site, found: Diagnosis) -> None:
    """What stands by hand, as it stands."""
    for finding in found.findings:
        if match := LINE.search(finding.by_hand):
            number, file, where, line = match.groups()
            order = "a" if where == "after" else "c"
            site.host.run(f"sed -i --follow-symlinks '{number}{order} {line}' {file}; nginx -t; systemctl reload nginx")
        elif match := SETTING.search(finding.by_hand):
            site.host.break_with("", WRITE_SETTING.format(match.group(1)))
        elif match := ORIGIN.search(finding.by_hand):
            site.host.break_with("", WRITE_SETTING.format(f'CSRF_TRUSTED_ORIGINS = ["{match.group(1)}"]'))
    site.host.run(
        f"{breaking.prelude()}\nuntil_true 'curl -sf -o /dev/null -H Host:$SERVER_NAME http://127.0.0.1/health/'"
    )


def assert_named_and_repaired(site: Site, mode: str, form: str = "", **check: object) -> Diagnosis:
    """The mode alone is named, as no cause of an outage, and its line by hand repairs it."""
    settings = {"rescue502_edge": [{"verify_tls": False, **check}]} if check else None
    assert status(site, form) == "403", "the fault"
    found = look.diagnosed(site.host, CATALOGUE, settings)
    assert named(found) == [mode], found.evidence["rehearsal"]["steps"]["origins"]
    assert found.root_causes == ()
    repair(site, found)
    assert status(site, form) == "200", [finding.by_hand for finding in found.findings]
    again = look.diagnosed(site.host, CATALOGUE, settings)
    assert named(again) == []
    assert again.evidence["rehearsal"]["steps"]["origins"]["refused"] == []
    return found


@pytest.mark.parametrize("mode", [PASSED, BELIEVED, HOST, TRUSTED])
def test_the_line_by_hand_repairs_it(site: Site, mode: str) -> None:
    """nginx's own line after the right one, the setting, the origin as it stands."""
    assert named(look.diagnosed(site.host, CATALOGUE)) == []
    site.host.break_with(mode)
    found = assert_named_and_repaired(site, mode, FRONT_FORM if mode == TRUSTED else "")
    if mode == TRUSTED:
        site.host.break_with("", SLASH)
        assert named(look.diagnosed(site.host, CATALOGUE)) == [TRUSTED]
    assert "taken" in found.findings[0].because or mode == TRUSTED


def test_a_second_name(site: Site) -> None:
    """nginx sends the server's first name in the place of the one that the visitor sees."""
    site.host.break_with("", SECOND_NAME)
    name = f"www.{site.shape.server_name}"
    check = {"url": "https://127.0.0.1/health/", "host": name}
    assert_named_and_repaired(site, HOST, f"admin/login/ https://{name} {name}", **check)


def test_tls_ends_in_front(site: Site) -> None:
    """nginx says http, as it was asked; without a check that names https nothing is said."""
    site.host.break_with("", IN_FRONT)
    plain = {"rescue502_edge": [{"url": "http://127.0.0.1/health/", "host": site.shape.server_name}]}
    assert named(look.diagnosed(site.host, CATALOGUE, plain)) == []
    found = assert_named_and_repaired(site, PASSED)
    assert found.evidence["rehearsal"]["steps"]["origins"]["refused"][0]["by_tls"] is False


@pytest.mark.parametrize(
    "site",
    ["uvicorn", "seed:56", "seed:17"],
    ids=["a worker of uvicorn", "uvicorn", "hypercorn"],
    indirect=True,
)
def test_servers_that_do_not_go_by_the_header(site: Site) -> None:
    """uvicorn trusts addresses, of which a Unix socket has none; hypercorn trusts nobody."""
    if site.host.shape_name == "uvicorn":
        site.host.break_with("", ON_A_SOCKET)
    assert_named_and_repaired(site, BELIEVED)


@pytest.mark.parametrize(
    "way", [WRAPPED, OWN_MIDDLEWARE, LISTED, OWN_CSRF], ids=["wrapped", "middleware", "listed", "own"]
)
def test_what_the_app_does_by_itself(site: Site, way: str) -> None:
    """Forms are taken though nginx does not hand on the scheme, so nothing is said."""
    site.host.break_with("", NOT_PASSED)
    assert named(look.diagnosed(site.host, CATALOGUE)) == [PASSED]
    site.host.break_with("", way)
    assert named(look.diagnosed(site.host, CATALOGUE)) == []
