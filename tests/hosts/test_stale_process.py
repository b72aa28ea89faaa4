"""What runs fails, and what is on disk would not: a restart heals it. Where something else explains it, it does not."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from tiers import marks

from lab import Host, look
from lab.site import Site, named

STALE = "service/stale-process"
CATALOGUE = load()
# What a middleware of the app's does, at its import and with each request.
MIDDLEWARE = """
cat > "$PACKAGE/guard.py" <<'END'
{at_import}

class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        {with_request}
        return self.get_response(request)
END
printf '\\nMIDDLEWARE = ["%s.guard.Middleware", *MIDDLEWARE]\\n' "$PACKAGE" >> "$PACKAGE/settings.py"
"""


def answers(status: int) -> str:
    """Bash: until the site answers so."""
    ask = "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
    return f'\nuntil_true "{ask} | grep -q {status}"\n'


def guarded(at_import: str, with_request: str, status: int) -> str:
    """Bash: the app with that middleware, started anew, until it answers so."""
    return (
        f'cd "$ROOT"\n{MIDDLEWARE.format(at_import=at_import, with_request=with_request)}restart_app\n{answers(status)}'
    )


CONNECTION = """import os
import psycopg
names = {"dbname": "DB_NAME", "user": "DB_USER", "password": "DB_PASSWORD", "host": "DB_HOST"}
CONNECTION = psycopg.connect(autocommit=True, **{word: os.environ[name] for word, name in names.items()})"""
FLAGS = """import json
FLAGS = json.load(open("/etc/shop-flags.json"))"""
UNDONE = 'app_git checkout -q -- .; rm "$PACKAGE/guard.py"'
# One worker: of several, one may be so late that it loads what was repaired.
ALONE = """
write_drop_in /run alone '[Service]' 'ExecStart=' "ExecStart=$(start_command | sed 's/--workers 2/--workers 1/')"
restart_app
"""
# Bash that leads to an app that fails, and that would not if it were started now: what it read, opened or loaded at its
# start is not what is there.
WAYS = {
    "killed-before-the-restart": guarded("", 'raise RuntimeError("half deployed")', 500) + UNDONE,
    "a-connection-of-its-own-that-died": guarded(CONNECTION, 'CONNECTION.execute("SELECT 1")', 200)
    + "systemctl restart postgresql\n"
    + "timeout 20 bash -c 'until runuser -u postgres -- psql -qXc \"\"; do sleep 0.1; done' 2> /dev/null\n"
    + answers(500),
    "a-configuration-file-that-was-repaired": "echo '{}' > /etc/shop-flags.json\n"
    + guarded(FLAGS, 'FLAGS["prices"]', 500)
    + "echo '{\"prices\": 1}' > /etc/shop-flags.json\n",
    "a-name-that-was-not-allowed": "cp -p $ENV_FILE /run/env\n"
    "sed -i 's/^ALLOWED_HOSTS=.*/ALLOWED_HOSTS=localhost/' $ENV_FILE\nrestart_app\n"
    + answers(400)
    + "cat /run/env > $ENV_FILE\n",
    "an-origin-that-was-not-allowed": "cp -p $ENV_FILE /run/env\n"
    "sed -i 's/^CORS_ALLOWED_ORIGINS=.*/CORS_ALLOWED_ORIGINS=https:\\/\\/old.example/' $ENV_FILE\nrestart_app\n"
    + answers(200)
    + "cat /run/env > $ENV_FILE\n",
    # The files were changed with the database, and the process still has what it was started with.
    "a-password-that-was-rotated": "sql -c \"ALTER ROLE $DATABASE_USER PASSWORD 'rotated-8812'\"\n"
    "set_variable DB_PASSWORD rotated-8812\n" + answers(500),
    "a-database-that-has-moved": "sql -c 'ALTER SYSTEM SET port = 5433'\nsystemctl restart postgresql\n"
    "set_variable DB_PORT 5433\n" + answers(500),
}
EACH_CHANGE = list(WAYS)[:3]


@pytest.mark.nightly
def test_a_restart_brings_what_is_on_disk(site: Site) -> None:
    """In three ways, one after the other: that is the one cause, it is repaired unasked, and nothing else is done."""
    for way in EACH_CHANGE:
        healed(site, way)


@pytest.mark.parametrize("way", [pytest.param(way, marks=marks(at_each_change=False)) for way in list(WAYS)[3:]])
def test_a_restart_brings_the_settings_on_disk(site: Site, way: str) -> None:
    """The same where the running app does not raise, but refuses; one that answers 200 is restarted when approved."""
    healed(site, way, asks=way == "an-origin-that-was-not-allowed")


def healed(site: Site, way: str, asks: bool = False) -> None:
    """Break the site in this way; recover it. asks: whether that waits for approval."""
    site.host.break_with("", ALONE + WAYS[way])
    status, headers, _body = site.host.ask(site.shape.api_path)
    assert status != 200 or headers.get("access-control-allow-origin") != site.shape.origin, "the fault"
    assert state(site.host) == "active"
    if asks:
        code, incident, output = site.play("recover")
        assert (code, incident["outcome"], incident["actions"]) == (2, "needs-approval", []), output
    code, incident, output = site.play("recover", rescue502_budget=9, rescue502_approve=[STALE] if asks else [])
    assert named(incident) == [STALE], output
    because = incident["root_causes"][0]["because"]
    assert ("other values were given to" in because) == ("set_variable" in WAYS[way] or "ENV_FILE" in WAYS[way]), (
        because
    )
    assert "rotated-8812" not in output
    assert [(action["remedy"], action["for"]) for action in incident["actions"]] == [("restart", [STALE])], output
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert site.host.ask(site.shape.api_path)[0] == 200
    # The next way begins with the app as it was.
    site.host.break_with("", "cd $ROOT; rm -f $PACKAGE/guard.py; app_git checkout -q -- .; restart_app" + answers(200))


def state(host: Host) -> str:
    """What systemd says of the app's unit."""
    return host.run("systemctl is-active $UNIT", check=False).stdout.strip()


WRITES = 'open("/var/tmp/shop-journal", "a").write("x" * 9000)'
# Where the running app alone lacks what one that is started for trial has: a restart would change nothing.
EXPLAINED = {
    "it-may-write-no-file": "unit_drop_in '[Service]' 'LimitFSIZE=4096'\n"
    "install -o $APP_USER /dev/null /var/tmp/shop-journal\n" + guarded("", WRITES, 500),
    "it-is-shut-off-from-files": "unit_drop_in '[Service]' 'ReadOnlyPaths=/var/tmp'\n"
    "install -o $APP_USER /dev/null /var/tmp/shop-journal\n" + guarded("", WRITES, 500),
    "nginx-sends-it-elsewhere": "point_nginx_elsewhere; systemctl reload nginx\n" + answers(502),
    "it-has-no-connection-left": guarded(CONNECTION, 'CONNECTION.execute("SELECT 1")', 200)
    + 'sql -c "ALTER ROLE $DATABASE_USER CONNECTION LIMIT 1" \n'
    + "sql -c \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '$DATABASE_USER'\"\n"
    + answers(500),
}


@pytest.mark.nightly
@pytest.mark.parametrize("why", EXPLAINED)
def test_what_something_else_explains_is_not_called_stale(site: Site, why: str) -> None:
    """Whatever else is said: that a restart would heal it is not."""
    site.host.break_with("", EXPLAINED[why])
    assert site.host.ask(site.shape.api_path)[0] >= 500, "the fault"
    assert state(site.host) == "active"
    found = look.diagnosed(site.host, CATALOGUE)
    assert STALE not in [finding.id for finding in found.to_repair], found.to_repair
    assert "restart" not in [finding.mode.remedy for finding in found.to_repair]
