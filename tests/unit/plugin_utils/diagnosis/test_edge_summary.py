"""The edge in a few words: what fails comes first, and whatever a host claims, there is a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.edge_summary import summary

GOOD = {"name": "/", "status": 200, "well": True}
BAD = {"name": "/", "status": 502, "well": False}


@pytest.mark.parametrize(
    ("evidence", "well", "words"),
    [
        ({"edge": {"well": True, "checks": [GOOD]}}, True, "200 on 1 check"),
        ({"edge": {"well": True, "checks": [GOOD, {**GOOD, "status": 301}]}}, True, "200, 301 on 2 checks"),
        ({"edge": {"well": False, "checks": [GOOD, BAD]}}, False, "502 on /"),
        ({"edge": {"well": False, "checks": [BAD, BAD, BAD]}}, False, "502 on / and 2 more"),
        ({"edge": {"well": False, "checks": [BAD, {**BAD, "name": "/x"}]}}, False, "502 on / and 1 more"),
        ({"edge": {"well": False, "checks": [{"name": "/", "error": "refused"}]}}, False, "refused on /"),
        ({"edge": {"well": False, "checks": []}}, False, "nginx hands no requests to this app"),
        ({"edge": {"well": True, "checks": [GOOD]}, "hold": {"well": True}}, True, "200 on 1 check"),
        (
            {"edge": {"well": True, "checks": [GOOD]}, "hold": {"well": False, "broken_by": "502 on /"}},
            False,
            "did not hold: 502 on /",
        ),
        ({"edge": {"well": True, "checks": [GOOD]}, "hold": {"well": "yes"}}, False, "did not hold: None"),
        ({"edge": {"well": True, "checks": ["200", None]}}, True, "nginx hands no requests to this app"),
        ({"edge": {"checks": "200"}}, False, "nginx hands no requests to this app"),
        ({"edge": None}, False, "the edge could not be asked"),
        ({}, False, "the edge could not be asked"),
    ],
)
def test_the_edge_in_a_few_words(evidence: dict[str, Any], well: bool, words: str) -> None:
    """Well is what answers and holds; nothing but `true` says that it held."""
    assert summary(evidence) == {"well": well, "summary": words}
