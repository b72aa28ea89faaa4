"""A unit that hides the app's own files from it: found by what is there outside, on evidence of lab hosts."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings

CATALOGUE = load()
MISSING = "ModuleNotFoundError: No module named 'xamila.wsgi'"


def crashing(confinement: list[str], line: str) -> dict[str, Any]:
    """A unit that restarts again and again while the app loads outside of it; confined so, and with this last word."""
    evidence = copy.deepcopy(recordings.evidence("service/crashes-at-start"))
    evidence["service"]["unit"]["confinement"] = confinement
    evidence["log"] |= {"lines": [line], "errors": [line]}
    return evidence


def causes(evidence: dict[str, Any]) -> list[str]:
    """Ids of the root causes."""
    return [cause.id for cause in diagnose(evidence, CATALOGUE).root_causes]


@pytest.mark.parametrize("where", ["root", "venv"])
def test_paths_of_the_app_are_made_inaccessible(where: str) -> None:
    """The option names them, the app loads outside, and inside it does not find them."""
    place = recordings.evidence("service/crashes-at-start")["stack"][where]
    assert causes(crashing(["ProtectSystem=full", f"InaccessiblePaths={place}/lib"], MISSING)) == ["service/confined"]


def test_homes_are_hidden() -> None:
    """Only an app that lies in one is confined by that."""
    evidence = crashing(["ProtectHome=tmpfs"], "xamila.service: Failed at step EXEC: No such file or directory")
    assert "service/confined" not in causes(evidence)
    evidence["service"]["unit"] |= {"active_state": "failed", "sub_state": "failed", "exit_status": 203}
    evidence["service"]["start"]["step"] = {"status": 203, "what": "executing the program", "command": "gunicorn"}
    assert "service/confined" not in causes(evidence)
    evidence["stack"] |= {"root": "/home/shop/shop", "venv": "/home/shop/shop/env"}
    assert causes(evidence) == ["service/confined"]


def test_another_place_that_is_hidden_is_not_the_cause() -> None:
    """Nor is one of the app's where the unit ended for another reason."""
    assert "service/confined" not in causes(crashing(["InaccessiblePaths=/srv/other"], MISSING))
    place = recordings.evidence("service/crashes-at-start")["stack"]["root"]
    assert "service/confined" not in causes(crashing([f"InaccessiblePaths={place}/old"], "ValueError: 7"))


@pytest.mark.parametrize(
    ("families", "host", "confined"),
    [
        ("AF_INET AF_INET6", "/var/run/postgresql", True),
        ("~AF_UNIX AF_NETLINK", "/run/postgresql", True),
        ("none", "/run/postgresql", True),
        ("AF_INET AF_UNIX", "/var/run/postgresql", False),
        ("~AF_NETLINK", "/var/run/postgresql", False),
        ("AF_INET AF_INET6", "127.0.0.1", False),
    ],
)
def test_a_database_at_a_socket_that_the_unit_may_not_open(families: str, host: str, confined: bool) -> None:
    """Outside of the unit the very request is answered; inside no trial can be made, since that has a socket too."""
    evidence = copy.deepcopy(recordings.evidence("service/confined"))
    evidence["edge"] = copy.deepcopy(recordings.evidence("code/raises-on-request")["edge"])
    evidence["shadow_start"] = {"tried": False, "why_not": "the unit may not open Unix sockets"}
    evidence["service"] |= {"listening": True}
    evidence["service"]["unit"]["confinement"] = [f"RestrictAddressFamilies={families}"]
    evidence["database"]["host"] = host
    evidence["rehearsal"]["steps"]["requests"] = {"ok": True, "error": None, "served": ["http://127.0.0.1/api/"]}
    assert ("service/confined" in causes(evidence)) is confined
