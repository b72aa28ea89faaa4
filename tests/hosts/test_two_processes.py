"""A real app whose processes do not share what visitors need to stay logged in; and apps that do."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly
CATALOGUE = load()
KEY, SESSIONS = "environment/secret-key-varies", "environment/sessions-in-one-process"
SETTINGS = """
app_git checkout -q .
cat >> "$ROOT/$PACKAGE/settings.py" <<'END'
{}
END
systemctl reset-failed
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1/health/"
"""
FIXED = 'SECRET_KEY = "fixed-but-of-no-variable-and-long-enough-4711"'
RANDOM = 'import secrets\nSECRET_KEY = os.environ.get("DJANGO_KEY", secrets.token_urlsafe(50))'
# A file that nobody may make: each start makes up its own.
NO_FILE = """
import uuid
try:
    SECRET_KEY = open("/etc/app.key").read()
except OSError:
    SECRET_KEY = str(uuid.uuid4()) * 2
"""
IN_CACHE = 'SESSION_ENGINE = "django.contrib.sessions.backends.cache"\n'
DUMMY = IN_CACHE + 'CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}'
ON_DISK = (
    IN_CACHE + 'CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", '
    '"LOCATION": "/var/tmp/django-cache"}}'
)
WITH_DATABASE = 'SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"'


@pytest.mark.parametrize(
    "cases",
    [
        {RANDOM: [KEY], FIXED: [], NO_FILE: [KEY]},
        {IN_CACHE: [SESSIONS], ON_DISK: [], DUMMY: [SESSIONS], WITH_DATABASE: []},
    ],
    ids=["keys", "sessions"],
)
def test_what_is_not_shared_is_named(site: Site, cases: dict[str, list[str]]) -> None:
    """As no cause of an outage; what is shared is no finding."""
    for lines, names in cases.items():
        site.host.break_with("", SETTINGS.format(lines))
        found = look.diagnosed(site.host, CATALOGUE)
        ours = [item.id for item in found.findings if item.id in (KEY, SESSIONS)]
        assert ours == names, (lines, found.evidence["rehearsal"]["steps"]["processes"])
        assert found.root_causes == ()
        if lines is RANDOM:
            assert "DJANGO_KEY" in found.also_found[0].because


def test_one_process_keeps_its_sessions(site: Site) -> None:
    """Where nothing else answers, they are found."""
    site.host.break_with("", 'unit_drop_in "[Service]" "Environment=WEB_CONCURRENCY=1"' + SETTINGS.format(IN_CACHE))
    site.host.break_with(
        "", "sed -i 's/--workers [0-9]*/--workers 1/' \"$UNIT_FILE\"; systemctl daemon-reload; restart_app"
    )
    found = look.diagnosed(site.host, CATALOGUE)
    assert found.evidence["rehearsal"]["steps"]["processes"]["sessions_stay"]
    assert SESSIONS not in [item.id for item in found.findings]
