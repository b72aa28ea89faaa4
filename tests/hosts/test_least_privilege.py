"""Without root: what can be told is told, what cannot be read is said, and nothing is named for not being readable."""

from __future__ import annotations

import pytest
from sites import Site, differences, named

WITHOUT_ROOT = {"ansible_become": False, "rescue502_level": "full"}
# What an account that may do nothing but log in finds of each fault: the cause, or nothing where only root could tell.
FOUND = {
    "service/stopped": ["service/stopped"],
    "database/stopped": ["database/stopped"],
    "proxy/stopped": ["proxy/stopped"],
    "proxy/config-invalid": ["proxy/config-invalid"],
    "files/env-file-exposed": ["files/env-file-exposed"],
    "dependencies/missing": [],
    "environment/key-missing": [],
    "code/syntax-error": [],
    "service/port-taken": [],
}
HIDDEN = ("the rehearsal of the app's start", "the environment file")


def unread(incident: dict[str, object]) -> str:
    """What could not be read, as one text."""
    items = incident["unread"]
    assert isinstance(items, list)
    return "\n".join(f"{item['what']}: {item['why']}" for item in items)


@pytest.mark.parametrize("fault", FOUND)
def test_a_cause_is_named_or_left_open(site: Site, fault: str) -> None:
    """No wrong cause, no claim of health, nothing changed; what was not read is in the message and in the report."""
    site.host.break_with(fault)
    before = site.host.snapshot()
    code, incident, output = site.play("diagnose", **WITHOUT_ROOT)
    assert named(incident) == FOUND[fault], output
    assert not incident["evidence"]["probe"]["root"]
    assert "rehearsal" not in incident["evidence"]
    for what in HIDDEN if fault != "files/env-file-exposed" else HIDDEN[:1]:
        assert what in unread(incident)
        assert what in output
    assert code == (0 if fault == "files/env-file-exposed" else 2)
    if not FOUND[fault]:
        assert "the cause cannot be told without what was not read" in incident["message"]
        assert incident["plan"] == []
    assert differences(before, site.host.snapshot()) == set()
