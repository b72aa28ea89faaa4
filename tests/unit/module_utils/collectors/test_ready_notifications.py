"""Messages of a unit's that systemd 252 refused, in its own words."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import notifications
from ansible_collections.rescue502.django.plugins.module_utils.system.journal import Entry

MESSAGES = [
    "Stopped xamila.service - xamila API (gunicorn).",
    "Starting xamila.service - xamila API (gunicorn)...",
    "xamila.service: Got notification message from PID 113, but reception only permitted for main PID 112",
    "xamila.service: start operation timed out. Terminating.",
    "xamila.service: Failed with result 'timeout'.",
    "Failed to start xamila.service - xamila API (gunicorn).",
]
REFUSED = "Got notification message from PID 113, but reception only permitted for main PID 112"


def test_the_newest_refusal() -> None:
    """Without the unit's name, which stands before it; of several the last."""
    assert notifications.parse(MESSAGES) == REFUSED
    assert notifications.parse([*MESSAGES, MESSAGES[2].replace("113", "213")]) == REFUSED.replace("113", "213")
    disabled = REFUSED.replace("only permitted for main PID 112", "is disabled.")
    assert notifications.parse([f"xamila.service: {disabled}"]) == disabled
    assert notifications.parse([message for message in MESSAGES if "Got" not in message]) == ""
    assert notifications.parse([]) == ""


def test_only_a_unit_that_is_to_say_so_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Type begins with `notify`."""

    def of_manager(unit: str, _seconds: float, lines: int) -> list[Entry]:
        return [Entry(1.0, message, "1", "") for message in MESSAGES[-lines:]] if unit == "a.service" else []

    monkeypatch.setattr(notifications.journal, "of_manager", of_manager)
    for kind in ("notify", "notify-reload"):
        assert notifications.refused({"Id": "a.service", "Type": kind}) == REFUSED
    assert notifications.refused({"Id": "b.service", "Type": "notify"}) == ""
    assert notifications.refused({"Id": "a.service", "Type": "simple"}) == notifications.refused({}) == ""
