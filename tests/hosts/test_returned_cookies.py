"""A real Django sets cookies that a browser would not send back; what is said of them is said of these alone."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly
CATALOGUE = load()
LOST, SECURE = "edge/cookie-not-returned", "edge/cookie-secure-over-http"
SETTINGS = """
app_git checkout -q .
printf '\\n%s\\n' '{}' >> "$ROOT/$PACKAGE/settings.py"
systemctl reset-failed
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
CSRF = 'MIDDLEWARE.append("django.middleware.csrf.CsrfViewMiddleware"); '
BY_TLS = {
    'SESSION_COOKIE_DOMAIN = ".xamila.example"': "",
    'SESSION_COOKIE_DOMAIN = "www.xamila.example"': "Domain",
    "SESSION_COOKIE_SECURE = True": "",
    'SESSION_COOKIE_SAMESITE = "None"': "SameSite",
    'SESSION_COOKIE_PATH = "/shop/"': "Path",
    'SESSION_COOKIE_PATH = "/admin"': "",
    CSRF + 'CSRF_COOKIE_DOMAIN = "xamila.test"': "Domain",
    'SESSION_COOKIE_NAME = "__Host-id"': "Prefix",
}
BY_HTTP = {"SESSION_COOKIE_SECURE = True": "Secure", "SESSION_COOKIE_SECURE = False": ""}
BEHIND = {
    'SESSION_COOKIE_SECURE = True; SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")': "",
}


@pytest.mark.parametrize(
    ("site", "cases"),
    [("tcp", BY_TLS), ("unix", {**BY_HTTP, **BEHIND})],
    indirect=["site"],
    ids=["https", "http"],
)
def test_cookies_that_are_lost(site: Site, cases: dict[str, str]) -> None:
    """Each by the attribute that keeps it from coming back; those that come back are no finding."""
    for lines, attribute in cases.items():
        site.host.break_with("", SETTINGS.format(lines))
        found = look.diagnosed(site.host, CATALOGUE)
        lost = found.evidence["rehearsal"]["steps"]["cookies"]["lost"]
        assert [item["attribute"] for item in lost] == [attribute] * bool(attribute), lines
        ours = [item.id for item in found.findings if item.id in (LOST, SECURE)]
        assert ours == ([SECURE if attribute == "Secure" else LOST] if attribute else []), lines
        assert found.root_causes == ()
