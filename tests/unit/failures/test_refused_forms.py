"""Forms that Django refuses: never the cause of an outage, and by hand the very line that repairs them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Finding, diagnose

from tools import recordings

CATALOGUE = load()
MODES = [
    f"edge/csrf-{name}" for name in ("scheme-not-passed", "scheme-not-believed", "host-differs", "origin-not-trusted")
]
PASSED, _BELIEVED, HOST, TRUSTED = MODES


def refused(mode: str) -> dict[str, Any]:
    """The step of a mode's recording."""
    return copy.deepcopy(recordings.evidence(mode)["rehearsal"]["steps"]["origins"])


def finding(mode: str, **different: Any) -> Finding:
    """What is found of a recording whose refused origin is like that."""
    evidence = copy.deepcopy(recordings.evidence(mode))
    evidence["rehearsal"]["steps"]["origins"]["refused"][0].update(different)
    return next(item for item in diagnose(evidence, CATALOGUE).findings if item.id == mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("outage", ["service/stopped", "proxy/upstream-mismatch", "database/connect-denied"])
def test_never_the_cause_of_an_outage(mode: str, outage: str) -> None:
    """It is found besides, and the causes are the same."""
    evidence = copy.deepcopy(recordings.evidence(outage))
    before = diagnose(evidence, CATALOGUE)
    evidence["rehearsal"]["steps"]["origins"] = refused(mode)
    after = diagnose(evidence, CATALOGUE)
    assert [item.id for item in after.root_causes] == [item.id for item in before.root_causes] == [outage]
    assert mode in [item.id for item in after.findings]


@pytest.mark.parametrize("mode", MODES)
def test_the_site_serves(mode: str) -> None:
    """Alone it is no cause of anything, and nothing is to be repaired unasked."""
    found = diagnose(recordings.evidence(mode), CATALOGUE)
    assert found.root_causes == ()
    assert [item.id for item in found.findings] == [mode]
    evidence = copy.deepcopy(recordings.evidence(mode))
    evidence["rehearsal"]["steps"]["origins"] = {"step": "origins", "ok": True, "error": None, "seconds": 0.1}
    assert diagnose(evidence, CATALOGUE).findings == ()


@pytest.mark.parametrize(
    ("different", "line"),
    [
        ({}, "after that line: proxy_set_header X-Forwarded-Proto $scheme;"),
        ({"by_tls": False}, "after that line: proxy_set_header X-Forwarded-Proto https;"),
        ({"handed": True}, "in place of that line: proxy_set_header X-Forwarded-Proto $scheme;"),
        (
            {"header": "X-Forwarded-Ssl", "value": "on"},
            "after that line: proxy_set_header X-Forwarded-Ssl $https;",
        ),
        ({"header": "X-Scheme", "value": "secure"}, "after that line: proxy_set_header X-Scheme secure;"),
    ],
)
def test_the_line_for_the_scheme(different: dict[str, Any], line: str) -> None:
    """With the header that the app goes by, and the variable that nginx has of it."""
    assert f"{line}\nnginx -t && systemctl reload nginx" in finding(PASSED, **different).by_hand


def test_the_line_for_the_host() -> None:
    """In place of nginx's own, where it has one."""
    assert "after that line: proxy_set_header Host $http_host;\n" in finding(HOST).by_hand
    assert "in place of that line: proxy_set_header Host $http_host;\n" in finding(HOST, host_set=True).by_hand


def test_the_origin_as_it_stands() -> None:
    """And what the list has in its place."""
    assert '# add "https://xamila.example" to CSRF_TRUSTED_ORIGINS, as it stands' in finding(TRUSTED).by_hand
    evidence = copy.deepcopy(recordings.evidence(TRUSTED))
    evidence["rehearsal"]["steps"]["origins"]["trusted"] = ["https://xamila.example/"]
    (found,) = diagnose(evidence, CATALOGUE).findings
    assert found.because.endswith("CSRF_TRUSTED_ORIGINS has https://xamila.example/")
