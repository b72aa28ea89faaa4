"""What undo promises of a host that was repaired, whichever test repaired it."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies

from lab.site import Site, differences

# What git and the tools for accounts write down whatever they do, and logs of an app that runs again.
ONLY_TIME_CHANGES = r"/\.git/(logs/|packed-refs$)|/etc/g(roup|shadow)-$|/var/log/"


def is_exact(remedy: str) -> bool:
    """Whether a remedy leaves nothing behind once it is taken back."""
    return remedies.get(remedy).undo == "exact"


def reported(output: str) -> tuple[int, int, int]:
    """How many things the undo of a host has taken back, left alone, and cannot take back."""
    numbers = re.search(r": (\d+) (?:as before again|would be as before), (\d+) left alone, (\d+) that cannot", output)
    assert numbers, output
    return int(numbers[1]), int(numbers[2]), int(numbers[3])


def taken_back(site: Site, incident: str, broken: dict[str, Any]) -> None:
    """A check changes nothing, the undo leaves the host as it was when broken, the second one has nothing to do."""
    repaired = site.host.snapshot()
    code, _incident, output = site.play("undo", "--check", rescue502_undo=incident)
    assert (code, reported(output)[1]) == (0, 0), output
    assert reported(output)[0] > 0
    assert differences(repaired, site.host.snapshot()) == set(), "a check must change nothing"
    code, _incident, output = site.play("undo", rescue502_undo=incident)
    assert (code, "changed=1" in output) == (0, True), output
    left_over = differences(broken, site.host.snapshot())
    assert {item for item in left_over if not re.search(ONLY_TIME_CHANGES, item)} == set(), output
    code, _incident, output = site.play("undo", rescue502_undo=incident)
    assert (code, "changed=0" in output, reported(output)[0]) == (0, True, 0), output
