"""Folders in which Django keeps sessions, caches and temporary uploads: missing, closed or full, they are named."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

CATALOGUE = load()
UNUSABLE, SO_FAR = "files/folder-unusable", "files/folder-unusable-so-far"
# A middleware of the app's that does this with each request, and these settings.
APP = """
cat > "$ROOT/$PACKAGE/habit.py" <<'PY'
from django.core.cache import cache


class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        {habit}
        return self.get_response(request)
PY
printf '\\nMIDDLEWARE = [*MIDDLEWARE, "%s.habit.Middleware"]\\n' "$PACKAGE" >> "$ROOT/$PACKAGE/settings.py"
cat >> "$ROOT/$PACKAGE/settings.py" <<'PY'
{settings}
PY
app_git add -A
app_git commit -qm 'A habit'
"""
SESSIONS = APP.format(
    habit='request.session["seen"] = 1',
    settings='SESSION_ENGINE = "django.contrib.sessions.backends.file"\nSESSION_FILE_PATH = "/var/lib/shop-sessions"',
)
CACHE = APP.format(
    habit='cache.set("visits", 1)',
    settings='CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache",\n'
    '    "LOCATION": "/var/cache/shop/pages"}}',
)
OWN = '-o "$APP_USER" -g "$APP_GROUP"'
MOUNTED = "uid=$(id -u $APP_USER) tmpfs"
# Bash that breaks it, the one cause, and what its sentence must hold.
WAYS = {
    "sessions that have no folder": (SESSIONS, UNUSABLE, "/var/lib/shop-sessions, for sessions: it is not there"),
    "sessions in root's folder": (
        f"{SESSIONS}install -d -m 755 /var/lib/shop-sessions",
        UNUSABLE,
        "(drwxr-xr-x root:root) refuses",
    ),
    "a cache in root's folder": (
        f"{CACHE}install -d -m 755 /var/cache/shop/pages",
        UNUSABLE,
        "for a cache: /var/cache/shop/pages (drwxr-xr-x root:root)",
    ),
    "a cache behind a closed folder": (
        f"{CACHE}install -d -m 700 /var/cache/shop; install -d {OWN} /var/cache/shop/pages",
        UNUSABLE,
        "for a cache: /var/cache/shop (drwx------ root:root)",
    ),
    "a cache that cannot be made": (
        f"{CACHE}install -d -m 755 /var/cache/shop",
        UNUSABLE,
        "for a cache: /var/cache/shop (drwxr-xr-x root:root)",
    ),
    "sessions that may only be read": (
        f"{SESSIONS}mkdir -p /var/lib/shop-sessions; mount -t tmpfs -o ro,{MOUNTED} /var/lib/shop-sessions",
        UNUSABLE,
        "its file system is mounted for reading only",
    ),
    "a cache that is full": (
        f"{CACHE}mkdir -p /var/cache/shop/pages; mount -t tmpfs -o size=200k,{MOUNTED} /var/cache/shop/pages\n"
        "! dd if=/dev/zero of=/var/cache/shop/pages/fill bs=4k status=none",
        "host/disk-full",
        "with a cache on it",
    ),
    "sessions without inodes": (
        f"{SESSIONS}mkdir -p /var/lib/shop-sessions\n"
        f"mount -t tmpfs -o nr_inodes=20,{MOUNTED} /var/lib/shop-sessions\n"
        "for number in $(seq 30); do : > /var/lib/shop-sessions/$number || break; done",
        "host/inodes-exhausted",
        "with sessions on it",
    ),
}

# Bash: until the site answers so, started anew.
ASK = "curl -so /dev/null -w '%{{http_code}}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
ANSWERS = f'\nrestart_app\nuntil_true "{ASK} | grep -q {{}}"\n'


@pytest.mark.parametrize("way", WAYS)
def test_the_folder_is_named(site: Site, way: str) -> None:
    """That is the one cause, with what the folder is for, and the code is not blamed."""
    fault, cause, words = WAYS[way]
    site.host.break_with("", fault + ANSWERS.format(500))
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [cause]
    assert words in found.root_causes[0].because, found.root_causes[0].because


def test_temporary_uploads_do_not_take_the_site_down(site: Site) -> None:
    """Their folder is not there: the site answers, and that is found besides."""
    app = APP.format(habit="pass", settings='FILE_UPLOAD_TEMP_DIR = "/srv/parts"')
    site.host.break_with("", app + ANSWERS.format(200))
    found = look.diagnosed(site.host, CATALOGUE)
    assert [(item.id, item.severity) for item in found.to_repair] == [(SO_FAR, "degraded")]


def test_what_raises_for_another_reason_is_not_blamed_on_a_folder(site: Site) -> None:
    """A view that raises is the cause, though a folder is missing too."""
    app = APP.format(habit='raise ValueError("7")', settings='FILE_UPLOAD_TEMP_DIR = "/srv/parts"')
    site.host.break_with("", app + ANSWERS.format(500))
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == ["code/raises-on-request"]
    assert [item.id for item in found.also_found] == [SO_FAR]
