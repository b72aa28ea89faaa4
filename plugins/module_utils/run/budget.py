# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which remedies' budget is exhausted on this host, by its history."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import history

# A remedy that helps each time may be applied so many times as often: what comes back without end is a person's too.
HELPED = 3


def exhausted(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that were applied as often as may be, for each of their causes, in vain or to see it come back.

    given: the options of the module claim, of which it takes remedies, unit, budget and window. Each item that is
    returned has remedy, causes and times.
    """
    tried = history.recent(given["window"])
    found = []
    for item in given["remedies"]:
        counted = [history.times(tried, given["unit"], item["remedy"], cause) for cause in item["causes"]]
        if counted and all(
            in_vain >= given["budget"] or helped >= given["budget"] * HELPED for in_vain, helped in counted
        ):
            found.append({"remedy": item["remedy"], "causes": item["causes"], "times": min(map(sum, counted))})
    return found
