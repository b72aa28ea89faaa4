"""Why a statement, a connection or an import fails is asked of PostgreSQL, SQLite, Django and the installers' metadata.

Each is the one cause, a person decides, and a look changes nothing. What migrations would make worse is not migrated.
"""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from refused_statements import WAYS

from lab import look
from lab.site import Site, named

pytestmark = pytest.mark.nightly

CATALOGUE = load()


@pytest.mark.parametrize(("site", "way"), [(WAYS[way].shape, way) for way in WAYS], indirect=["site"])
def test_it_is_the_one_cause(site: Site, way: str) -> None:
    """What the program itself says names it, and is in its sentence."""
    site.host.break_with("", WAYS[way].fault)
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [WAYS[way].cause], [item.because for item in found.root_causes]
    because = " ".join(found.root_causes[0].because.split())
    assert WAYS[way].words in because, because


@pytest.mark.parametrize("mode", ["schema/partly-applied", "schema/history-inconsistent", "schema/tables-differ"])
def test_migrations_that_cannot_help_are_not_run(site: Site, mode: str) -> None:
    """Also where they are approved: they would end at what is there."""
    site.host.break_with(mode)
    code, incident, output = site.play("recover", rescue502_approve=["schema/unapplied-migrations"])
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == [mode], output


def test_what_waits_for_a_standby_is_not_ended(site: Site) -> None:
    """The session that others wait for is the app's own, in the middle of its commit."""
    site.host.break_with("database/waits-for-standby")
    code, incident, output = site.play("recover", rescue502_approve=["database/locked"])
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == ["database/waits-for-standby"], output
