"""Code goes back only where that repairs it: what the host lacks is no fault of a commit, and costs none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from tiers import each_change

from lab import look
from lab.site import Site, differences, named

CATALOGUE = load()
# What settings asks of the host, which does not have it, after two commits have been deployed; and the cause.
LACKING = {
    "a configuration file": ("open('/etc/shop.conf').read()", "host/file-missing"),
    "a locale": ("__import__('locale').setlocale(0, 'xx_XX.UTF-8')", "host/locale-missing"),
    "a time zone": ("__import__('zoneinfo').ZoneInfo('Africa/Atlantis')", "host/time-zone-missing"),
    "another's service": (
        "__import__('socket').create_connection(('127.0.0.1', 6390), 2)",
        "dependencies/service-unreachable",
    ),
}
# The last commit is another one, and has nothing to do with it.
DEPLOYED = """
cd $ROOT
printf 'def ask():\\n    return %s\\n' "CALL" > $PACKAGE/outside.py
printf '\\nfrom %s import outside\\n\\noutside.ask()\\n' "$PACKAGE" >> $PACKAGE/settings.py
chown $APP_USER: $PACKAGE/outside.py
app_git add -A $PACKAGE && app_git commit -qm 'Ask the host'
printf '# routes\\n' >> $PACKAGE/urls.py
app_git commit -qam 'Say what this is'
restart_app
"""
# The place of the error is in the last commit, and the error is not that commit's: it stands in the one before, too.
CHECK = """
cd $ROOT
cat > $PACKAGE/outside.py <<'END'
import os


def ask():
    if not os.path.exists("/etc/shop.conf"):
        raise ValueError("the shop is not set up")
END
printf '\\nfrom %s import outside\\n\\noutside.ask()\\n' "$PACKAGE" >> $PACKAGE/settings.py
chown $APP_USER: $PACKAGE/outside.py
app_git add -A $PACKAGE
"""
LATER = """
printf '# Of the host.\\n' >> $PACKAGE/outside.py
app_git commit -qam 'Say what this is'
restart_app
"""
TOUCHED = f"{CHECK}app_git commit -qm 'Ask the host'\n{LATER}"
# It has been there ever since: the first commit has it.
ALWAYS = f"""{CHECK}
app_git reset -q --hard "$(app_git commit-tree "$(app_git write-tree)" -m 'Import')"
{LATER}"""
EDITED = """
cd $ROOT
printf '\\nLIMIT = BATCH\\n' >> $PACKAGE/settings.py
restart_app
"""
# A fault of the last commit's own, in an app that needs a file which is not git's.
OWN_FAULT = """
cd $ROOT
printf 'LIMIT = 5\\n' > $PACKAGE/local_settings.py
chown $APP_USER: $PACKAGE/local_settings.py
printf 'local_settings.py\\n' >> .gitignore
printf '\\nfrom %s.local_settings import LIMIT\\n' "$PACKAGE" >> $PACKAGE/settings.py
app_git commit -qam 'Local settings'
printf '\\nLIMIT += BATCH\\n' >> $PACKAGE/settings.py
app_git commit -qam 'Raise the limit'
restart_app
"""
BACK = "app_git reset -q --hard BASE && restart_app"
APPROVED = ["code/raises-on-import", "code/import-error", "rollback_code"]


def head(site: Site) -> str:
    """The commit that is checked out, and whether git keeps a worktree of ours."""
    return site.host.run(
        'runuser -u "$APP_USER" -- git -C "$ROOT" rev-parse HEAD; ls "$ROOT/.git/worktrees" 2>&1 || true'
    ).stdout


def recover(site: Site) -> tuple[int, Any, str]:
    """A recovery in which going back is approved."""
    return site.play("recover", rescue502_approve=APPROVED)


@pytest.mark.parametrize("lacking", each_change(of=LACKING))
def test_what_the_host_lacks_costs_no_commit(site: Site, lacking: str) -> None:
    """Approved or not: a person is asked, and the checkout stays where it is."""
    call, cause = LACKING[lacking]
    site.host.break_with("", DEPLOYED.replace("CALL", call))
    assert site.host.ask("/health/")[0] == 502
    before, was = site.host.snapshot(), head(site)
    code, incident, output = recover(site)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == [cause]
    assert [item["approve_with"] for item in incident["awaiting"]] == [None] * len(incident["awaiting"])
    assert head(site) == was
    assert differences(before, site.host.snapshot()) == set()


def test_the_first_commit_that_fails_is_found(site: Site) -> None:
    """By trying them: from the one before it the app comes up, and that is offered. A look writes nothing."""
    base = head(site).split()[0]
    site.host.break_with("", TOUCHED)
    assert site.host.ask("/health/")[0] == 502
    before, was = site.host.snapshot(), head(site)
    found = look.diagnosed(site.host, CATALOGUE)
    assert [cause.id for cause in found.root_causes] == ["code/raises-on-import"]
    because = found.root_causes[0].because
    assert "'Ask the host'" in because
    assert "is the first that fails" in because
    assert f"{base[:7]}, 2 commits back, loads" in because, because
    assert head(site) == was
    assert differences(before, site.host.snapshot()) == set()
    code, incident, output = recover(site)
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["code/raises-on-import"]), output
    assert head(site).split()[0] == base
    assert site.host.run("find /tmp -maxdepth 1 -name 'rescue502-*'").stdout == ""


@pytest.mark.nightly
def test_where_no_commit_helps_none_is_taken_back(site: Site) -> None:
    """A check that was always there, and edits that nobody has committed: nothing is offered, and nothing is lost."""
    base = head(site).split()[0]
    site.host.break_with("", ALWAYS)
    assert site.host.ask("/health/")[0] == 502
    unaided(site, "code/does-not-load", "no commit is to blame")
    site.host.break_with("", BACK.replace("BASE", base))
    site.host.break_with("", EDITED)
    assert site.host.ask("/health/")[0] == 502
    unaided(site, "code/raises-on-import", "without the edits to tracked files")


def unaided(site: Site, cause: str, said: str) -> None:
    """A recovery, with going back approved, names this cause and does nothing."""
    before, was = site.host.snapshot(), head(site)
    code, incident, output = recover(site)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert [item["id"] for item in incident["root_causes"]] == [cause], output
    assert said in incident["root_causes"][0]["because"]
    assert head(site) == was
    assert differences(before, site.host.snapshot()) == set()


@pytest.mark.nightly
def test_what_is_not_gits_is_there_when_a_commit_is_tried(site: Site) -> None:
    """Local settings count, so that the app comes up; nothing of the trial is left."""
    site.host.break_with("", OWN_FAULT)
    assert site.host.ask("/health/")[0] == 502
    code, incident, output = recover(site)
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["code/raises-on-import"]), output
    assert "worktrees" in head(site), "no worktree is left"
    assert site.host.run("find /tmp -maxdepth 1 -name 'rescue502-*'").stdout == ""
