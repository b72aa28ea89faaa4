"""A variable that the settings ask for in vain: named whatever is raised, with the line that systemd ignores."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, differences, named

CATALOGUE = load()
MISSING = "environment/key-missing"
# Bash: settings that check their variables in their first lines, and what is kept to go back.
CHECKED = """
cd $ROOT
cp -p $ENV_FILE /run/env
cat > /run/check.py <<'END'
for _name in ("ALLOWED_HOSTS", "SECRET_KEY", "DB_PASSWORD"):
    if not os.environ.get(_name):
        raise CHECK
END
sed -i '/^import os$/r /run/check.py' $PACKAGE/settings.py
app_git commit -qam 'Check the variables'
"""
BACK = """
cd $ROOT
cat /run/env > $ENV_FILE
app_git reset -q --hard HEAD~1
systemctl reset-failed $UNIT
restart_app
timeout 20 bash -c 'until curl -sfo /dev/null -H "Host: $SERVER_NAME" http://127.0.0.1$API_PATH; do sleep 0.2; done'
"""
NAMING = 'RuntimeError("Environment variable not set: " + _name)'
SILENT = 'SystemExit("the environment is not complete")'
# Of each way: the exception, what is done to the file, and why systemd ignores the line; empty where it has no value.
WAYS = {
    "export": (NAMING, r"sed -i 's/^\(SECRET_KEY\|DB_PASSWORD\)=/export \1=/' $ENV_FILE", "it begins with export"),
    "a colon": (SILENT, "sed -i 's/^SECRET_KEY=/SECRET_KEY: /' $ENV_FILE", "it has a colon in place of ="),
    "a byte order mark": (
        SILENT,
        r"grep ^SECRET_KEY= $ENV_FILE > /run/first; sed -i /^SECRET_KEY=/d $ENV_FILE; "
        r"{ printf '\xef\xbb\xbf'; cat /run/first $ENV_FILE; } > /run/all; cat /run/all > $ENV_FILE",
        "it begins with a byte order mark",
    ),
    "nothing": (SILENT, "sed -i 's/^SECRET_KEY=.*/SECRET_KEY=/' $ENV_FILE", ""),
}
# What systemd itself makes of the file.
GIVEN = "systemd-run --quiet --pipe --wait --collect -p EnvironmentFile=$ENV_FILE env"


@pytest.mark.nightly
def test_the_line_that_systemd_ignores_is_named(site: Site) -> None:
    """In four ways, one after the other: the variable's name, the file and the line, and never its value."""
    value = site.host.run("sed -n 's/^SECRET_KEY=//p' $ENV_FILE").stdout.strip()
    for way, (raised, change, why) in WAYS.items():
        site.host.break_with("", f"{CHECKED.replace('CHECK', raised)}\n{change}\nrestart_app")
        assert site.host.ask(site.shape.api_path)[0] in (502, 504), way
        assert value not in site.host.run(GIVEN).stdout, "systemd does not give it to the app"
        broken = site.host.snapshot()
        found = look.diagnosed(site.host, CATALOGUE)
        assert [cause.id for cause in found.root_causes] == [MISSING], way
        cause = found.root_causes[0]
        assert cause.because.startswith("SECRET_KEY is asked for in "), cause.because
        assert (why or "is set to nothing") in cause.because
        number = site.host.run("grep -n SECRET_KEY $ENV_FILE | cut -d: -f1").stdout.strip()
        assert not why or f"{site.shape.facts()['ENV_FILE']}:{number} has SECRET_KEY" in cause.because
        assert value not in repr(found)
        assert differences(broken, site.host.snapshot()) == set()
        if way == "export":
            code, incident, output = site.play("recover", rescue502_approve=["rollback_code"])
            assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
            assert named(incident) == [MISSING]
        site.host.break_with("", BACK)
