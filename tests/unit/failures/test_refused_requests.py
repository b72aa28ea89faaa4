"""What the app refuses, and what it answers well: a check may fail for a header that is not there."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings

REFUSES = "code/refuses-request"


@pytest.mark.parametrize(("status", "is_refusal"), [(503, True), (403, True), (302, True), (200, False), (204, False)])
def test_an_answer_that_is_well_is_no_refusal(status: int, is_refusal: bool) -> None:
    """Any part of Django may have given it."""
    evidence = copy.deepcopy(recordings.evidence(REFUSES))
    answered = evidence["rehearsal"]["steps"]["requests"]["answered"]
    assert answered
    for item in answered:
        item["status"] = status
    assert (REFUSES in {finding.id for finding in diagnose(evidence, load()).findings}) == is_refusal


@pytest.mark.parametrize(
    ("refused", "allowed", "named"),
    [
        (["api.xamila.example"], ["localhost"], True),
        # Django takes all names below it, whatever a comparison of texts says.
        ([], [".xamila.example"], False),
        # It was not asked: that is unknown, and no cause.
        (None, ["localhost"], False),
    ],
)
def test_whether_a_name_is_allowed_django_says(refused: list[str] | None, allowed: list[str], named: bool) -> None:
    """A 400 has other reasons too."""
    evidence = copy.deepcopy(recordings.evidence("environment/allowed-hosts"))
    settings = evidence["rehearsal"]["steps"]["settings"]
    assert "api.xamila.example" in settings["refused_hosts"], "Django was asked on a real host"
    settings.update(allowed_hosts=allowed, refused_hosts=refused)
    if refused is None:
        del settings["refused_hosts"]
    assert ("environment/allowed-hosts" in {finding.id for finding in diagnose(evidence, load()).findings}) == named
