"""Sites that are unusual and healthy: nothing is called broken, and where they are down the true cause is repaired."""

from __future__ import annotations

from typing import Any

import pytest
from odd_access import BARRED, IMMUTABLE, NO_LONGER_IMMUTABLE, ODDITIES, TOGETHER, script
from tiers import each_change
from unharmed import left_as_it_was

from lab.site import Site, also_found, differences, named

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


@pytest.mark.parametrize("name", each_change(of=COMMAND_LINES))
def test_options_of_gunicorn(site: Site, name: str) -> None:
    """The app is what gunicorn loads, wherever it stands: the site is healthy, and when it is stopped it is started."""
    site.host.break_with("", START.replace("WORDS", COMMAND_LINES[name]))
    with left_as_it_was(site):
        code, incident, output = site.play("recover", rescue502_level="full")
    assert incident["evidence"]["stack"]["app"] == "xamila.wsgi:application", output
    assert incident["evidence"]["rehearsal"]["steps"]["application"]["ok"], output
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output
    site.host.break_with("service/stopped")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["service/stopped"]), output
    assert [action["remedy"] for action in incident["actions"]] == ["restart"]


@pytest.mark.nightly
def test_no_static_files_to_collect(site: Site) -> None:
    """Django's finders have none, or cannot be asked: that the folder is empty is no finding."""
    for folders, ok, to_collect in (([], True, False), (["/srv/private"], False, None)):
        site.host.break_with("", SERVE.replace("FOLDERS", repr(folders)))
        assert site.host.ask("/static/site.css")[0] == 404
        with left_as_it_was(site):
            code, incident, output = site.play("recover")
        assert incident["evidence"]["files"]["static_empty"] is True, output
        asked = incident["evidence"]["rehearsal"]["steps"]["static"]
        assert (asked["ok"], asked.get("to_collect")) == (ok, to_collect), asked
        assert (code, incident["outcome"], incident["findings"], incident["actions"]) == (0, "healthy", [], []), output


@pytest.mark.nightly
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
    assert (code, incident["outcome"]) == (0, "planned"), output
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


# A file of code that an edit as root has left to root alone, in a folder that no oddity is about.
FAULT = r"""
install -d -o "$APP_USER" -g "$APP_GROUP" "$ROOT/helpers"
install -m 600 -o root -g root /dev/null "$ROOT/helpers/__init__.py"
echo 'import helpers' >> "$ROOT/notifications/__init__.py"
restart_app
"""
BROKEN_FILE = "/var/www/xamila/xamila_backend/helpers/__init__.py"


def untouched(site: Site, before: dict[str, Any], at_most: set[str]) -> None:
    """Nothing but these paths differs from the snapshot; logs grow."""
    changed = {item for item in differences(before, site.host.snapshot()) if "/var/log/" not in item}
    assert changed <= {f"files:{path}" for path in at_most}, changed


def recovers_from_a_real_fault(site: Site, *found_too: str) -> None:
    """A file of code is root's alone: the group gets it, and whatever else is odd, or found too, stays as it is."""
    site.host.break_with("", FAULT)
    assert site.host.ask("/api/sgis/")[0] == 502
    broken = site.host.snapshot()
    code, incident, output = site.play("recover")
    outcome = "degraded" if found_too else "recovered"
    assert (code, incident["outcome"], named(incident)) == (0, outcome, ["files/code-unreadable", *found_too]), output
    assert [action["remedy"] for action in incident["actions"]] == ["permissions", "restart"], output
    untouched(site, broken, {BROKEN_FILE})
    assert site.host.run(f"stat -c %U:%G:%a {BROKEN_FILE}").stdout.strip() == "root:www-data:640"
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_odd_access(site: Site) -> None:
    """Whatever mode bits say, an app that reads its files reads them: all kinds on one host, and then a real fault."""
    site.host.break_with("", script(*TOGETHER))
    with left_as_it_was(site):
        code, incident, output = site.play("recover", rescue502_level="full")
        assert (code, incident["outcome"], incident["findings"], incident["actions"]) == (0, "healthy", [], []), output
    recovers_from_a_real_fault(site)


@pytest.mark.parametrize("name", each_change(of=ODDITIES))
def test_one_odd_access(site: Site, name: str) -> None:
    """Each on a host of its own: nothing is changed; with a real fault, and the app down, that alone is repaired."""
    site.host.break_with("", script(name))
    with left_as_it_was(site):
        code, incident, output = site.play("recover", rescue502_level="full")
    # That uploads cannot be put where the code is, is reported; what to do is for a person.
    expected = ["files/media-elsewhere"] if name == "media-is-the-apps-folder" else []
    assert (named(incident), incident["actions"]) == (expected, []), output
    assert (code, incident["outcome"]) == (0, "degraded" if expected else "healthy"), output
    if not ODDITIES[name].reads_all:
        recovers_from_a_real_fault(site, *expected)


@pytest.mark.nightly
def test_a_mask_that_was_lowered(site: Site) -> None:
    """chmod 600 over files with an access control list takes the app's entry away: the mask comes back, and no more."""
    site.host.break_with("", script("access-control-list"))
    before = site.host.snapshot()
    site.host.break_with("", 'chmod 600 "$ROOT/$PACKAGE/urls.py"; restart_app')
    assert site.host.ask("/api/sgis/")[0] in (500, 502)
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["files/code-unreadable"]), output
    untouched(site, before, set())


@pytest.mark.nightly
def test_what_nobody_may_change(site: Site) -> None:
    """Immutable files are no fault; where one bars the app, no repair is planned that cannot work."""
    facts = site.host.inside(["bash", "-euc", IMMUTABLE])
    assert facts.returncode == 0, facts.stderr
    with left_as_it_was(site):
        code, incident, output = site.play("recover", rescue502_level="full")
        assert (code, incident["outcome"], incident["findings"], incident["actions"]) == (0, "healthy", [], []), output
    site.host.inside(["bash", "-euc", BARRED])
    assert site.host.ask("/api/sgis/")[0] == 502
    broken = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert code == 2, output
    assert [action["remedy"] for action in incident["actions"] if action["remedy"] == "permissions"] == [], output
    untouched(site, broken, set())
    site.host.inside(["bash", "-euc", NO_LONGER_IMMUTABLE])


def test_the_only_copy_of_a_module_stays(site: Site) -> None:
    """Stale bytecode is removed; what came without its source is not, tracked by git or not, wherever it lies."""
    only_copies = r"""
    for name in lost "$APP_LABEL/lost" "__pycache__/lost.cpython-311"; do
      mkdir -p "$ROOT/$(dirname "$name")"
      printf 'x = 1\n' > /tmp/lost.py
      python3 -c "import py_compile, sys; py_compile.compile('/tmp/lost.py', sys.argv[1])" "$ROOT/$name.pyc"
      test -s "$ROOT/$name.pyc"
    done
    """
    site.host.break_with("", script("module-without-its-source") + only_copies)
    site.host.break_with("code/stale-bytecode")
    listing = "find /var/www/xamila/xamila_backend -name '*.pyc' -not -path '*/venv/*' -exec ls -i {} + | sort"
    before = set(site.host.run(listing).stdout.splitlines())
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["code/stale-bytecode"]), output
    gone = before - set(site.host.run(listing).stdout.splitlines())
    assert [line.partition("/")[2].rpartition("/")[2].partition(".")[0] for line in gone] == ["urls"], gone
    assert site.host.ask("/api/sgis/")[0] == 200
