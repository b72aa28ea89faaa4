"""Which failure mode is proved on which shapes of hosts."""

from __future__ import annotations

import os
from collections import Counter

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode, load

from lab import shape as shapes

Pair = tuple[str, FailureMode]


def suitable(mode: FailureMode) -> list[str]:
    """Shapes on which the mode's reproduction makes sense, the usual one first."""
    return [name for name in shapes.names() if set(mode.where) <= shapes.load(name).features()]


def usual() -> list[Pair]:
    """Each failure mode on the first shape that suits it."""
    return [(suitable(mode)[0], mode) for mode in load().modes.values()]


def elsewhere() -> list[Pair]:
    """Each failure mode on one other shape, in turn, so that each shape meets each layer.

    RESCUE502_MATRIX=all takes all other shapes for each, RESCUE502_MATRIX=NAME all modes on that shape.
    """
    wanted = os.environ.get("RESCUE502_MATRIX", "")
    found: list[Pair] = []
    turns: Counter[str] = Counter()
    for mode in load().modes.values():
        others = suitable(mode)[1:]
        if wanted:
            found += [(name, mode) for name in others if wanted in ("all", name)]
        elif others:
            found.append((others[turns[mode.layer] % len(others)], mode))
            turns[mode.layer] += 1
    return found
