"""A module that is not there: of a package, or of code that is no longer the app's."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings

CATALOGUE = load()


@pytest.mark.parametrize("has_requirements", [True, False])
def test_stale_bytecode_imports_what_is_long_gone(has_requirements: bool) -> None:
    """Its source does not: no package is missing, whether or not a file of requirements says what there should be."""
    evidence = copy.deepcopy(recordings.evidence("code/stale-bytecode"))
    missing = recordings.evidence(
        "dependencies/not-in-requirements" if has_requirements else "dependencies/not-installed"
    )
    evidence["rehearsal"] = missing["rehearsal"]
    evidence["dependencies"]["requirements"] = missing["dependencies"]["requirements"]
    found = diagnose(evidence, CATALOGUE)
    named = [cause.id for cause in found.root_causes]
    assert named == ["code/stale-bytecode"]
    explained = {"dependencies/not-in-requirements", "dependencies/not-installed"} & {f.id for f in found.findings}
    assert len(explained) == 1


def test_without_requirements_the_database_is_not_blamed() -> None:
    """Django asks sqlparse for every database: that it is missing is no fault of PostgreSQL's."""
    found = diagnose(recordings.evidence("dependencies/not-installed"), CATALOGUE)
    assert [cause.id for cause in found.root_causes] == ["dependencies/not-installed"]
    assert "database/no-connection" in {finding.id for finding in found.findings}


@pytest.mark.parametrize("name", ["dependencies/missing", "dependencies/version-conflict"])
def test_nothing_is_installed_where_the_environment_is_not_known(name: str) -> None:
    """As where gunicorn is the system's: a person decides."""
    evidence = copy.deepcopy(recordings.evidence(name))
    assert diagnose(evidence, CATALOGUE).root_causes[0].risk == "safe"
    evidence["stack"]["venv"] = ""
    (cause,) = diagnose(evidence, CATALOGUE).root_causes
    assert (cause.id, cause.risk) == (name, "never")
