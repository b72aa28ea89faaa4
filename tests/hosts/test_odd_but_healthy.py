"""Sites that are unusual and healthy: nothing is called broken, and where they are down the true cause is repaired."""

from __future__ import annotations

import pytest

from lab.site import Site, also_found, named

# A value with blanks in quotes, and options behind the app; options from a variable, and the app from a file.
COMMAND_LINES = {
    "positional": '--access-logformat "%%(h)s - log" $APP --bind $BIND '
    "--umask 007 --threads 2 --max-requests 1000 --log-level info -n shop",
    "file": r"--bind $BIND \$OPTIONS --config /etc/shop.conf.py --umask 007",
}
START = r"""
APP="$PACKAGE.wsgi:application"
printf 'wsgi_app = "%s"\n' "$APP" > /etc/shop.conf.py
words="$(cat <<END
WORDS
END
)"
options="Environment=\"OPTIONS=--umask 007 -n 'a shop'\""
unit_drop_in '[Service]' "$options" 'ExecStart=' "ExecStart=$VENV/bin/gunicorn $words"
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
tr '\0' ' ' < "/proc/$(systemctl show -P MainPID "$UNIT")/cmdline" | grep -e '--umask 007'
"""
SERVE = r"""
cd "$ROOT"
install -d -m 700 /srv/private
cat >> "$PACKAGE/settings.py" <<'END'
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STATICFILES_DIRS = FOLDERS
END
app_git commit -qam 'Serve no static files'
rm -rf "$STATIC_ROOT"
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_options_of_gunicorn(site: Site, name: str) -> None:
    """The app is what gunicorn loads, wherever it stands: the site is healthy, and when it is stopped it is started."""
    site.host.break_with("", START.replace("WORDS", COMMAND_LINES[name]))
    code, incident, output = site.play("diagnose", rescue502_level="full")
    assert incident["evidence"]["stack"]["app"] == "xamila.wsgi:application", output
    assert incident["evidence"]["rehearsal"]["steps"]["application"]["ok"], output
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output
    site.host.break_with("service/stopped")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["service/stopped"]), output
    assert [action["remedy"] for action in incident["actions"]] == ["restart"]


def test_no_static_files_to_collect(site: Site) -> None:
    """Django's finders have none, or cannot be asked: that the folder is empty is no finding."""
    for folders, ok, to_collect in (([], True, False), (["/srv/private"], False, None)):
        site.host.break_with("", SERVE.replace("FOLDERS", repr(folders)))
        assert site.host.ask("/static/site.css")[0] == 404
        code, incident, output = site.play("recover")
        assert incident["evidence"]["files"]["static_empty"] is True, output
        asked = incident["evidence"]["rehearsal"]["steps"]["static"]
        assert (asked["ok"], asked.get("to_collect")) == (ok, to_collect), asked
        assert (code, incident["outcome"], incident["findings"], incident["actions"]) == (0, "healthy", [], []), output


def test_the_site_comes_back_before_what_can_wait(site: Site) -> None:
    """PostgreSQL is down, and static files are missing: one is the cause, the other is repaired when it answers.

    As long as the site serves, nobody collects them unasked.
    """
    site.host.break_with("files/static-missing")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], also_found(incident)) == (0, "degraded", ["files/static-missing"]), output
    assert (incident["actions"], site.host.ask("/static/site.css")[0]) == ([], 404), output
    assert [item["approve_with"] for item in incident["awaiting"]] == ["rescue502_approve=[files/static-missing]"]
    settings = {"rescue502_approve": ["files/static-missing"]}
    code, incident, output = site.play("recover", "--check", **settings)
    assert (code, incident["outcome"], also_found(incident)) == (0, "planned", ["files/static-missing"]), output
    site.host.break_with("database/stopped")
    code, incident, output = site.play("diagnose")
    assert (code, incident["outcome"]) == (2, "planned"), output
    assert [cause["id"] for cause in incident["root_causes"]] == ["database/stopped"], output
    assert also_found(incident) == ["files/static-missing"]
    remedies = ["start_database", "restart", "collectstatic"]
    assert [action["remedy"] for action in incident["plan"]] == remedies
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert [cause["id"] for cause in incident["root_causes"]] == ["database/stopped"], output
    assert [(action["remedy"], action["changed"]) for action in incident["actions"]] == [
        (name, True) for name in remedies
    ]
    # One look found the cause, one that the site answers, and one that nothing is left.
    assert incident["passes"] == 3
    assert site.host.ask("/static/site.css")[0] == 200
