"""Hosts that are odd as a whole, and well: a run says so and leaves each as it was."""

from __future__ import annotations

import pytest
from odd_hosts import HOSTS, script
from unharmed import left_as_it_was

from lab.site import Site

ON_SHAPES = [pytest.param(shape, oddities, id=name) for name, (shape, oddities) in HOSTS.items()]


@pytest.mark.nightly
@pytest.mark.parametrize(("site", "oddities"), ON_SHAPES, indirect=["site"])
def test_an_odd_host_is_left_alone(site: Site, oddities: tuple[str, ...]) -> None:
    """With all that a careful user has set, and with nothing: nothing is found, changed, restarted or run as root."""
    site.host.break_with("", script(*oddities))
    assert site.host.ask("/static/site.css")[0] == 200
    with left_as_it_was(site):
        for site.full in (True, False):
            code, incident, output = site.play("recover", rescue502_level="full")
            assert (incident["findings"], incident["actions"]) == ([], []), output
            assert (code, incident["outcome"]) == (0, "healthy"), output
    # What was at work still is: each oddity is there to the end.
    if "an-operators-pip-at-work" in oddities:
        site.host.run("systemctl is-active other")
