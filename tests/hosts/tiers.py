"""Which of a test's parameters run at each change, and which repeat what those show, each night (docs/testing.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def marks(at_each_change: bool) -> list[pytest.MarkDecorator]:
    """The marks of a parameter: none where it runs at each change."""
    return [] if at_each_change else [pytest.mark.nightly]


def each_change(*chosen: str, of: Iterable[str]) -> list[Any]:
    """All parameters; those that are not chosen are for the night. ValueError where a chosen one is not there."""
    known = list(of)
    if missing := set(chosen) - set(known):
        raise ValueError(f"not one of the parameters: {', '.join(sorted(missing))}")
    return [pytest.param(name, marks=marks(name in chosen)) for name in known]
