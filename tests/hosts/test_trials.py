"""An app that does not come up is tried with one thing different: what helps is the cause, in ways of several kinds."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, differences, named

CATALOGUE = load()
# Bash: the host as it was, whatever the last way has done to it.
KEEP = "mkdir /root/kept; cp -a $ROOT /root/kept/root; cp -a $UNIT_FILE /root/kept/unit"
BACK = """
systemctl stop $UNIT; systemctl reset-failed $UNIT || true
rm -rf $ROOT; cp -a /root/kept/root $ROOT; cp -a /root/kept/unit $UNIT_FILE
systemctl daemon-reload; systemctl start $UNIT
timeout 30 bash -c 'until curl -sfo /dev/null -H "Host: $SERVER_NAME" http://127.0.0.1$API_PATH; do sleep 0.2; done'
"""
SHADOWED, OTHER, DRIVER = "dependencies/shadowed-module", "dependencies/other-python", "dependencies/driver-missing"
# What runs the system's gunicorn, which has no Django.
SYSTEMS = """
site="$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib", "posix_local"))')"
mkdir -p "$site"; cp -r "$VENV"/lib/python3*/site-packages/{gunicorn,packaging}* "$site/"
"""
# How the site is broken, the cause, and what is said of it.
WAYS = {
    "a scratch file": (
        "cd $ROOT; printf 'import sys\\nprint(sys.path)\\n' > slugify.py; restart_app",
        SHADOWED,
        "slugify.py is taken for slugify and hides ",
    ),
    "a folder that was copied": (
        "cd $ROOT; mkdir corsheaders; touch corsheaders/__init__.py corsheaders/middleware.py; restart_app",
        SHADOWED,
        "/corsheaders is taken for corsheaders and hides ",
    ),
    "a name of Python's own, committed": (
        "cd $ROOT; printf 'TAX = 0.2\\n' > decimal.py; chown $APP_USER: decimal.py; "
        "app_git add decimal.py; app_git commit -qm 'Tax'; restart_app",
        SHADOWED,
        "/decimal.py is taken for decimal and hides /usr/lib/python3",
    ),
    "the system's Python": (
        SYSTEMS + 'sed -i "s|ExecStart=$VENV/bin/gunicorn|ExecStart=/usr/bin/python3 -m gunicorn|" $UNIT_FILE\n'
        "systemctl daemon-reload; restart_app",
        OTHER,
        "starts /usr/bin/python3, which runs in /usr/bin/python3; the app comes up in ",
    ),
    "another app's environment": (
        "python3 -m venv --without-pip /opt/other; site=$(ls -d /opt/other/lib/python3*/site-packages)\n"
        'cp -r "$VENV"/lib/python3*/site-packages/{gunicorn,packaging}* $site/\n'
        "sed '1s|.*|#!/opt/other/bin/python|' $VENV/bin/gunicorn > /opt/other/bin/gunicorn\n"
        "chmod 755 /opt/other/bin/gunicorn\n"
        'sed -i "s|ExecStart=$VENV/bin/gunicorn|ExecStart=/opt/other/bin/gunicorn|" $UNIT_FILE\n'
        "systemctl daemon-reload; restart_app",
        OTHER,
        "starts /opt/other/bin/gunicorn, which runs in /opt/other/bin/python",
    ),
    "another kind of database": (
        "cd $ROOT; rm requirements.txt; sed -i 's/backends.postgresql/backends.mysql/' $PACKAGE/database.py; "
        "app_git commit -qam 'Move to MariaDB'; restart_app",
        DRIVER,
        "Error loading MySQLdb module",
    ),
}


@pytest.mark.nightly
def test_what_helps_is_the_cause(site: Site) -> None:
    """In several ways, one after the other; nobody is offered a rollback, nothing is installed, nothing is changed."""
    site.host.break_with("", KEEP)
    for way, (script, cause, said) in WAYS.items():
        site.host.break_with("", script)
        assert site.host.ask(site.shape.api_path)[0] in (500, 502, 504), way
        broken = site.host.snapshot()
        found = look.diagnosed(site.host, CATALOGUE)
        assert [item.id for item in found.root_causes] == [cause], way
        assert said in found.root_causes[0].because
        assert differences(broken, site.host.snapshot()) == set(), way
        if way == "the system's Python":
            approved = ["dependencies/missing", "pip_install", "rollback_code"]
            code, incident, output = site.play("recover", rescue502_approve=approved)
            assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
            assert named(incident) == [cause]
        site.host.break_with("", BACK)
