"""Which failure mode is proved on which shapes of hosts."""

from __future__ import annotations

import datetime
import os

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode, load

from lab import shape as shapes

Pair = tuple[str, FailureMode]
# The whole matrix takes a week of nights.
PARTS = 7


def suitable(mode: FailureMode) -> list[str]:
    """Shapes on which the mode's reproduction makes sense, the usual one first."""
    return [name for name in shapes.names() if set(mode.where) <= shapes.load(name).features()]


def suitable_for_all(modes: list[FailureMode]) -> list[str]:
    """Shapes on which the reproductions of all of these make sense together, the usual one of the first mode first."""
    shapes = [suitable(mode) for mode in modes]
    return [shape for shape in shapes[0] if all(shape in others for others in shapes)]


def usual() -> list[Pair]:
    """Each failure mode on the first shape that suits it."""
    return [(suitable(mode)[0], mode) for mode in load().modes.values()]


def elsewhere() -> list[Pair]:
    """Failure modes on other shapes than their usual one: a seventh of all such pairs, another one each day.

    RESCUE502_MATRIX=all takes all of them, RESCUE502_MATRIX=NAME all on that shape, a number from 0 to 6 that seventh.
    """
    pairs = [(shape, mode) for mode in load().modes.values() for shape in suitable(mode)[1:]]
    wanted = os.environ.get("RESCUE502_MATRIX") or str(datetime.date.today().toordinal() % PARTS)
    if wanted.isdigit():
        return pairs[int(wanted) :: PARTS]
    return [pair for pair in pairs if wanted in ("all", pair[0])]
