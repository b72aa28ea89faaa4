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
