"""Which limit of the unit's own has ended it: by what systemd said of it, where the limit is still set."""

from __future__ import annotations

import time

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import unit_limits
from ansible_collections.rescue502.django.plugins.module_utils.system import journal

WATCHDOG = "shop.service: Watchdog timeout (limit 2s)!"
RUNTIME = "shop.service: Service reached runtime time limit. Stopping."


@pytest.mark.parametrize(
    ("properties", "said", "age", "option"),
    [
        ({"WatchdogUSec": "2s", "RuntimeMaxUSec": "infinity"}, [WATCHDOG], 5, "WatchdogSec"),
        ({"WatchdogUSec": "0", "RuntimeMaxUSec": "2s"}, [RUNTIME, "shop.service: Failed"], 5, "RuntimeMaxSec"),
        ({"WatchdogUSec": "0", "RuntimeMaxUSec": "2s"}, [WATCHDOG], 5, ""),
        ({"WatchdogUSec": "0", "RuntimeMaxUSec": "infinity"}, [WATCHDOG], 5, ""),
        ({"WatchdogUSec": "2s"}, [WATCHDOG], 5000, ""),
        ({"WatchdogUSec": "2s"}, ["shop.service: Failed"], 5, ""),
    ],
)
def test_the_limit(
    monkeypatch: pytest.MonkeyPatch, properties: dict[str, str], said: list[str], age: int, option: str
) -> None:
    """One that is no longer set, or that ended it long ago, is none."""
    entries = [journal.Entry(time.time() - age, line, "1", "") for line in said]
    monkeypatch.setattr(journal, "entries", lambda *_words, **_more: entries)
    found = unit_limits.last_end({"Id": "shop.service", **properties})
    assert found["option"] == option
    assert bool(found["said"]) == bool(option)


def test_without_limits_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a healthy host pays nothing for it."""
    monkeypatch.setattr(journal, "entries", lambda *_words, **_more: pytest.fail("asked"))
    assert unit_limits.last_end({"Id": "shop.service", "WatchdogUSec": "0"}) == unit_limits.NONE
