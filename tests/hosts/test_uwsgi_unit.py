"""A real uWSGI of the distribution's under the usual unit: well it is well, and crashed or elsewhere it is named."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from managers import INSTALL

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

ASKED = "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
# start_uwsgi SOCKET MODULE: uWSGI is the system's, the environment the app's.
START = """
start_uwsgi() {
  local command="/usr/bin/uwsgi-core --plugin python3 --master --need-app --virtualenv $VENV --chdir $ROOT"
  sed -i "s#^ExecStart=.*#ExecStart=$command --$1 --module $2#" "$UNIT_FILE"
  systemctl daemon-reload; systemctl reset-failed "$UNIT"; systemctl restart "$UNIT"
}
"""
# (what is done, what the site answers then, the cause)
WAYS = {
    "well": ('start_uwsgi "http-socket $BIND" $PACKAGE.wsgi:application', 200, ""),
    "cannot load its app": ('start_uwsgi "http-socket $BIND" nothing.wsgi:application', 502, "code/wsgi-module-wrong"),
    "listens elsewhere": (
        'start_uwsgi "http-socket 127.0.0.1:8017" $PACKAGE.wsgi:application',
        502,
        "proxy/upstream-mismatch",
    ),
    "speaks another protocol": (
        'start_uwsgi "socket $BIND" $PACKAGE.wsgi:application\nuntil_true "ss -lnt | grep -q $BIND"\nsleep 2',
        502,
        "proxy/protocol-mismatch",
    ),
    "well in its own protocol": (
        'sed -i "s#proxy_pass http://.*;#uwsgi_pass $BIND; include uwsgi_params; '
        'uwsgi_param HTTP_X_FORWARDED_PROTO https;#" $NGINX_SITE\nsystemctl reload nginx',
        200,
        "",
    ),
}


def test_uwsgi_under_the_usual_unit(site: Site) -> None:
    """Its packages are those of the environment that its option names, not those of the system's Python."""
    site.host.break_with("", INSTALL.replace("PACKAGES", "uwsgi-core uwsgi-plugin-python3"))
    for way, (script, status, cause) in WAYS.items():
        site.host.break_with("", f'{START}{script}\nuntil_true "{ASKED} | grep -q {status}"\n')
        found = look.diagnosed(site.host, load())
        assert [item.id for item in found.root_causes] == ([cause] if cause else []), way
