"""What a shadow start changes in a diagnosis: on recordings, with its result put in."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import evidence_schema
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import certainty
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose

from tools import recordings

CATALOGUE = load()
CALL = {
    "type": "TypeError", "message": "ASGIHandler.__call__() missing 1 required positional argument: 'send'",
    "file": "/srv/shop/venv/lib/python3.11/site-packages/gunicorn/workers/sync.py", "line": 177, "in_app": False,
    "server": "gunicorn",
}  # fmt: skip
NO_FOLDER = {
    **CALL,
    "type": "FileNotFoundError",
    "message": "No usable temporary directory found in ['/tmp']",
    "server": "",
}


def started(name: str, result: str, **facts: Any) -> dict[str, Any]:
    """A recording in which the app was started for trial with this result; `serves` answers all that failed."""
    evidence = copy.deepcopy(recordings.evidence(name))
    serves = result == "serves"
    checks = [
        {"name": check["name"], "status": 200 if serves else 500, "problem": "", "well": serves, "seconds": 0.1}
        for check in evidence["edge"]["checks"]
        if not check["well"]
    ]
    evidence["shadow_start"] = {
        "tried": True, "why_not": "", "result": result, "status": 0, "signal": "", "refusal": "", "words": [],
        "error": None, "checks": checks, "user": "shop", "seconds": 1.0, **facts,
    }  # fmt: skip
    assert evidence_schema.load().problems(evidence) == []
    return evidence


def causes(found: Diagnosis) -> list[str]:
    return [cause.id for cause in found.root_causes]


def test_what_is_served_aside_is_stale() -> None:
    """Even where the app's own Python, tried without the unit's rules, would not load it."""
    evidence = started("service/stale-process", "serves")
    evidence["service"]["unit"]["confinement"] = ["ProtectSystem=strict"]
    evidence["rehearsal"]["steps"]["application"] = {"ok": False, "error": None, "seconds": 0.1}
    found = diagnose(evidence, CATALOGUE)
    assert causes(found) == ["service/stale-process"]
    assert found.root_causes[0].known == (certainty.TRIED, certainty.STARTED_ASIDE)


@pytest.mark.parametrize("result", ["fails", "exits", "silent", "interface", "killed"])
def test_what_fails_aside_too_is_not_stale(result: str) -> None:
    """Though the rehearsal has served it."""
    evidence = started("service/stale-process", result, error=CALL)
    assert "service/stale-process" not in [finding.id for finding in diagnose(evidence, CATALOGUE).findings]


def test_where_it_was_not_tried_the_rehearsal_counts_as_before() -> None:
    """As where the setting is off, or the unit starts a script."""
    evidence = started("service/stale-process", "serves")
    evidence["shadow_start"] = {"tried": False, "why_not": "rescue502_shadow_start is false"}
    found = diagnose(evidence, CATALOGUE)
    assert causes(found) == ["service/stale-process"]
    assert found.root_causes[0].known == (certainty.TRIED, certainty.REHEARSED)


def test_a_wrong_interface_names_the_line() -> None:
    """And what to write in it."""
    evidence = started("service/stale-process", "interface", error=CALL)
    evidence["stack"]["app"] = "shop.asgi:application"
    found = diagnose(evidence, CATALOGUE)
    assert causes(found) == ["service/interface-mismatch"]
    by_hand = found.root_causes[0].by_hand
    assert evidence["service"]["unit"]["file"] in by_hand
    assert "shop.wsgi:application in the place of shop.asgi:application" in by_hand


def test_what_the_server_refuses_now_is_its_options() -> None:
    """Whatever the log of the last start says, and though systemd has given up since."""
    words = "gunicorn: error: unrecognized arguments: --worker-colour red"
    evidence = started("service/start-limit-hit", "refuses", refusal=words, status=2)
    found = diagnose(evidence, CATALOGUE)
    assert causes(found) == ["service/option-unknown"]
    assert words in found.root_causes[0].because


def test_what_the_log_of_the_last_start_refused_and_a_start_now_takes_is_no_cause() -> None:
    """It was put right since: a start is the repair."""
    evidence = started("service/option-wrong", "serves")
    assert "service/option-wrong" not in causes(diagnose(evidence, CATALOGUE))


def test_a_start_that_would_fail_is_not_repeated() -> None:
    """A restart in vain is no repair."""
    evidence = started("service/start-limit-hit", "killed", signal="SIGSYS")
    found = diagnose(evidence, CATALOGUE)
    assert causes(found) == ["service/crashes-at-start"]
    assert "ended by SIGSYS" in found.root_causes[0].because


def test_a_folder_for_temporary_files_explains_it() -> None:
    """Where it has lost its mode; the start has failed for it. On its own it takes no site down."""
    evidence = started("service/start-limit-hit", "temporary-folder", error=NO_FOLDER, status=1)
    lost = {"path": "/tmp", "missing": False, "mode": "0755", "owner": 0, "problem": "its mode is 0755 instead of 1777"}
    evidence["host"]["temporary"] = [lost]
    found = diagnose(evidence, CATALOGUE)
    assert causes(found) == ["host/temporary-folder"]
    assert (found.root_causes[0].risk, found.root_causes[0].known.how) == ("safe", certainty.OBSERVED)
    evidence["host"]["temporary"] = [{**lost, "owner": 7}]
    assert diagnose(evidence, CATALOGUE).root_causes[0].risk == "never"


KNOWN = {
    "service/stopped": certainty.OBSERVED,
    "files/log-not-writable": certainty.OBSERVED,
    "service/crashes-at-start": certainty.TRIED,
    "code/import-error": certainty.TRIED,
    "service/worker-boot-failed": certainty.INFERRED,
}


@pytest.mark.parametrize("name", KNOWN)
def test_how_it_is_known(name: str) -> None:
    """By what the conditions ask: the state now, an experiment, or what was written down."""
    found = diagnose(recordings.evidence(name), CATALOGUE)
    (finding,) = [finding for finding in found.findings if finding.id == name]
    assert finding.known.how == KNOWN[name]
    assert bool(finding.known.experiment) == (finding.known.how == certainty.TRIED)
    assert finding.public()["known"] == KNOWN[name]
