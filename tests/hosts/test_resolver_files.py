"""A name that root can resolve and the app cannot: the file that is kept from the app, and by whom."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

CATALOGUE = load()
UNREADABLE, BROKEN = "host/resolver-file-unreadable", "host/dns-broken"
# Bash that breaks a host whose database has a name of /etc/hosts alone; the cause, and what its sentence must hold.
WAYS = {
    "its mode": ("chmod 0640 /etc/hosts", UNREADABLE, "/etc/hosts (-rw-r----- root:root) refuses fleet"),
    "its owner's alone, and another one's": (
        "chown nobody:nogroup /etc/hosts; chmod 0640 /etc/hosts",
        UNREADABLE,
        "/etc/hosts (-rw-r----- nobody:nogroup) refuses fleet",
    ),
    "the unit's own options": (
        "unit_drop_in '[Service]' 'InaccessiblePaths=/etc/hosts'",
        UNREADABLE,
        "fleet.service hides /etc/hosts from it",
    ),
    "a folder of the unit's own": (
        "unit_drop_in '[Service]' 'TemporaryFileSystem=/etc:ro'",
        UNREADABLE,
        "fleet.service hides /etc/hosts from it",
    ),
    "a network of the unit's own": (
        "unit_drop_in '[Service]' 'PrivateNetwork=yes'",
        "service/confined",
        "PrivateNetwork=yes",
    ),
    "nobody can": (
        "sed '/db.internal/d' /etc/hosts > /root/hosts; cat /root/hosts > /etc/hosts",
        BROKEN,
        "db.internal",
    ),
}


@pytest.mark.parametrize("site", ["remote"], indirect=True)
@pytest.mark.parametrize("way", WAYS)
def test_what_keeps_the_name_from_the_app(site: Site, way: str) -> None:
    """That file or option is the one cause, and not the database's host."""
    fault, cause, words = WAYS[way]
    site.host.break_with("", f"{fault}\nrestart_app")
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    rooted = site.host.run("getent hosts db.internal", check=False).stdout
    assert bool(rooted) is (cause != BROKEN), "root resolves it"
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [cause]
    assert words in found.root_causes[0].because, found.root_causes[0].because
