"""What keeps the app's unit from starting at all, though nothing of its own has failed."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

# A unit of which an Assert…= does not hold is not failed itself, and what requires it is not started.
REQUIRES = """
write_drop_in /etc cluster '[Unit]' 'Requires=postgresql@9-main.service' 'After=postgresql@9-main.service'
restart_app
! systemctl is-active --quiet "$UNIT"
"""
GROUP = "write_drop_in /etc groups '[Service]' SupplementaryGroups=redis\n"
BLANK = """
set_variable WEB_CONCURRENCY ''
restart_app
until_true 'journalctl -u "$UNIT" | grep -q "invalid literal for int"'
"""
WAYS = {
    "a required unit's own assertion": (REQUIRES, ["service/dependency-failed"]),
    "its further group is gone, and a required unit": (
        GROUP + REQUIRES,
        ["service/dependency-failed", "service/user-missing"],
    ),
    "a further group is gone": (GROUP + "restart_app", ["service/user-missing"]),
    "a variable that the server itself reads": (BLANK, ["environment/value-invalid"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_named(site: Site, way: str) -> None:
    """With what else would keep it from starting."""
    script, causes = WAYS[way]
    site.host.break_with("", script)
    found = look.diagnosed(site.host, load())
    assert [item.id for item in found.root_causes] == causes
