"""A fault of the host explains what it brings about, and hides no other one on the way to the app."""

from __future__ import annotations

import copy

import pytest
from changed_recordings import Evidence, causes, found

from tools import recordings

RESOLVER = "host/resolver-file-unreadable"


@pytest.mark.parametrize(
    "mode",
    [
        "proxy/header-too-big",
        "proxy/socket-denied",
        "service/socket-dir-denied",
        "service/socket-dir-missing",
        "service/stale-socket",
        "service/worker-folder-missing",
    ],
)
def test_a_file_of_names_hides_no_other_fault(mode: str) -> None:
    """Both are named at the first look: who repairs one would else meet the other."""

    def closed(evidence: Evidence) -> None:
        evidence["host"]["names"] = copy.deepcopy(recordings.evidence(RESOLVER)["host"]["names"])

    assert set(causes(mode, closed)) == {mode, RESOLVER}


def test_the_file_is_opened_by_a_command_that_runs() -> None:
    """The path alone, without its mode and owner."""
    (cause,) = found(RESOLVER).root_causes
    assert "chmod o+r /etc/hosts\n" in cause.by_hand


def down(evidence: Evidence) -> None:
    """The same app, stopped: its socket's file is gone, and its folder is what its unit makes."""
    evidence["service"].update(listening=False)
    (upstream,) = [item for item in evidence["proxy"]["upstreams"] if item["is_ours"]]
    upstream.update(exists=False, listening=False)
    bar = {**upstream["denied"][0], "path": "/run/for-the-group", "folder": True, "made_at_start": True, "mode": "0750"}
    upstream["denied"] = [bar]


def test_nginx_may_not_enter_though_the_app_is_down() -> None:
    """Judged by what the unit makes at each start; without a bar on the way nothing is said of it."""
    diagnosis = found("proxy/socket-denied", down)
    (cause,) = [finding for finding in diagnosis.findings if finding.id == "proxy/socket-denied"]
    assert "/run/for-the-group is made www-data:www-data with mode 0750" in cause.because
    assert "lets in the group www-data" in cause.because

    def free(evidence: Evidence) -> None:
        down(evidence)
        evidence["proxy"]["upstreams"][0]["denied"] = []

    assert "proxy/socket-denied" not in causes("proxy/socket-denied", free)
