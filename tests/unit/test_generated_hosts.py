"""Faults on hosts that a seed drew: the evidence that these gave still shows the causes that were right."""

from __future__ import annotations

import pytest

from lab import fault
from tools.fuzz import evidence


@pytest.mark.parametrize("name", evidence.names())
def test_the_same_causes(name: str) -> None:
    """And no other."""
    recorded = evidence.load(name)
    assert recorded.is_right(), (recorded.seed, recorded.causes, recorded.named())


def test_what_is_kept_is_of_operators_that_there_are() -> None:
    """`make fuzz RECORD=yes` keeps one of each kind."""
    known = fault.load()
    assert {operator for name in evidence.names() for operator in evidence.load(name).faults} <= set(known)
    assert len(evidence.names()) >= 20
