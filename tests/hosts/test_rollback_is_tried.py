"""Code goes back only where that repairs it: what the host lacks is no fault of a commit, and costs none."""

from __future__ import annotations

from typing import Any

import pytest
from tiers import each_change

from lab.site import Site, differences, named

# What settings asks of the host, and how the host loses it, after two commits have been deployed.
LACKING = {
    "a configuration file": "open('/etc/shop.conf').read()",
    "a locale": "__import__('locale').setlocale(0, 'xx_XX.UTF-8')",
    "a time zone": "__import__('zoneinfo').ZoneInfo('Africa/Atlantis')",
    "another's service": "__import__('socket').create_connection(('127.0.0.1', 6390), 2)",
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
TOUCHED = """
cd $ROOT
cat > $PACKAGE/outside.py <<'END'
import os


def ask():
    if not os.path.exists("/etc/shop.conf"):
        raise ValueError("the shop is not set up")
END
printf '\\nfrom %s import outside\\n\\noutside.ask()\\n' "$PACKAGE" >> $PACKAGE/settings.py
chown $APP_USER: $PACKAGE/outside.py
app_git add -A $PACKAGE && app_git commit -qm 'Ask the host'
printf '# Of the host.\\n' >> $PACKAGE/outside.py
app_git commit -qam 'Say what this is'
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


@pytest.mark.parametrize("lacking", each_change("a configuration file", of=LACKING))
def test_what_the_host_lacks_costs_no_commit(site: Site, lacking: str) -> None:
    """Approved or not: a person is asked, and the checkout stays where it is."""
    site.host.break_with("", DEPLOYED.replace("CALL", LACKING[lacking]))
    assert site.host.ask("/health/")[0] == 502
    before, was = site.host.snapshot(), head(site)
    code, incident, output = recover(site)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert [item["approve_with"] for item in incident["awaiting"]] == [None] * len(incident["awaiting"])
    assert head(site) == was
    assert differences(before, site.host.snapshot()) == set()


def test_going_back_is_tried_first(site: Site) -> None:
    """Where the app does not come up from the commit before, nothing is changed; where it does, the site is back."""
    base = head(site).split()[0]
    site.host.break_with("", TOUCHED)
    assert site.host.ask("/health/")[0] == 502
    before, was = site.host.snapshot(), head(site)
    code, incident, output = recover(site)
    assert (code, named(incident)) == (2, ["code/raises-on-import"]), output
    tried = incident["actions"][0]
    assert (tried["remedy"], tried["ok"], tried["changed"]) == ("rollback_code", False, False), output
    assert "does not come up from" in tried["message"]
    assert "ValueError in outside.py:6" in tried["message"]
    assert head(site) == was
    assert differences(before, site.host.snapshot()) == set()
    site.host.break_with("", BACK.replace("BASE", base))
    site.host.break_with("", OWN_FAULT)
    assert site.host.ask("/health/")[0] == 502
    code, incident, output = recover(site)
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["code/raises-on-import"]), output
    assert "worktrees" in head(site), "no worktree is left"
    assert site.host.run("find /tmp -maxdepth 1 -name 'rescue502-*'").stdout == ""
