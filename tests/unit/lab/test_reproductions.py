"""How a lab host shows that a failure mode's reproduction took, by the words of the mode's own file."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab.reproductions import NO_ANSWER, Reproduction


def test_every_mode_can_be_seen() -> None:
    """Either the edge shows a status that is named, or the host's state differs."""
    modes = [Reproduction(mode.id, mode.reproduce, mode.edge) for mode in load().modes.values()]
    assert [mode.id for mode in modes if mode.shows_at_the_edge and not mode.statuses] == []
    assert [mode.id for mode in modes if mode.shows_at_the_edge and mode.is_shown_by(200)] == []
    assert sum(mode.shows_at_the_edge for mode in modes) > 80


@pytest.mark.parametrize(
    ("edge", "shown", "not_shown"),
    [
        ("502 or 500", [502, 500], [200, 504, NO_ANSWER]),
        ("502, which the browser calls a CORS error", [502], [200, 500]),
        ("503, 502, 403 or 401", [503, 502, 403, 401], [200, 404]),
        ("refused", [NO_ANSWER], [200, 502]),
        ("502, or a stranger's answer", [502, 404], [200]),
        ("404 or another site's answer", [404, 503], [200]),
    ],
)
def test_what_the_edge_shows(edge: str, shown: list[int], not_shown: list[int]) -> None:
    """Each status that is named, and no other."""
    mode = Reproduction("layer/name", "", edge)
    assert mode.shows_at_the_edge
    assert [status for status in shown + not_shown if mode.is_shown_by(status)] == shown


@pytest.mark.parametrize("edge", ["200", "any answer", "200 or a certificate error", "200 now, 502 after a reboot"])
def test_what_no_request_shows(edge: str) -> None:
    """All is well at the edge, or may be: the host's state must differ instead."""
    assert not Reproduction("layer/name", "", edge).shows_at_the_edge
