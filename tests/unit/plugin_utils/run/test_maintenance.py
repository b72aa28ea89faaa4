"""Maintenance windows of the inventory: which is open now, and what is not a valid one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.run.maintenance import MaintenanceError, open_now

# 2026-01-31 is a Saturday.
NIGHT = '{from: "22:00", until: "04:00", days: [sat]}'

IN_PARIS = '{from: "22:00", until: "04:00", days: sat, timezone: Europe/Paris}'


@pytest.mark.parametrize(
    ("given", "now", "until"),
    [
        ("{from: 2026-01-31T22:00:00Z, until: 2026-02-01T04:00:00Z}", "2026-01-31T21:59:59Z", None),
        ("{from: 2026-01-31T22:00:00Z, until: 2026-02-01T04:00:00Z}", "2026-01-31T22:00:00Z", "2026-02-01T04:00:00Z"),
        ("{from: 2026-01-31T22:00:00Z, until: 2026-02-01T04:00:00Z}", "2026-02-01T04:00:00Z", None),
        ('{from: "2026-01-31T22:00:00Z", until: "2026-02-01T04:00:00+02:00"}', "2026-02-01T02:00:00Z", None),
        ('{from: "02:00", until: "03:30"}', "2026-01-31T02:30:00Z", "2026-01-31T03:30:00Z"),
        ("{from: 22:00, until: 23:30}", "2026-01-31T22:30:00Z", "2026-01-31T23:30:00Z"),
        (NIGHT, "2026-01-31T23:00:00Z", "2026-02-01T04:00:00Z"),
        (NIGHT, "2026-02-01T03:59:00Z", "2026-02-01T04:00:00Z"),
        (NIGHT, "2026-02-01T23:00:00Z", None),
        (NIGHT, "2026-01-31T03:00:00Z", None),
        (IN_PARIS, "2026-01-31T21:30:00Z", "2026-02-01T03:00:00Z"),
        (IN_PARIS, "2026-01-31T20:30:00Z", None),
        ("[]", "2026-01-31T23:00:00Z", None),
        ("", "2026-01-31T23:00:00Z", None),
    ],
)  # fmt: skip
def test_which_window_is_open(given: str, now: str, until: str | None) -> None:
    """As YAML reads it, where 22:00 without quotes is a number."""
    found = open_now(yaml.safe_load(given), datetime.fromisoformat(now))
    assert (found.get("until") if found else None) == (datetime.fromisoformat(until).timestamp() if until else None)


def test_of_several_the_last_to_close_counts() -> None:
    """With its own reason."""
    windows = [{"from": "01:00", "until": "03:00", "reason": "a"}, {"from": "02:00", "until": "04:00", "reason": "b"}]
    found = open_now(windows, datetime.fromisoformat("2026-01-31T02:30:00Z"))
    assert (found["reason"], found["by"]) == ("b", "the inventory's maintenance window")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("at night", "is not a valid window"),
        ({"from": "22:00"}, "is not a valid window"),
        ({"from": "22:00", "until": "23:00", "hours": 2}, "is not a valid window"),
        ({"from": "22:00", "until": "25:00"}, "is not a valid time"),
        ({"from": "22:00", "until": "2026-02-01T04:00:00Z"}, "half of one form"),
        ({"from": "2026-01-31T22:00:00", "until": "2026-02-01T04:00:00"}, "names no time zone"),
        ({"from": "22:00", "until": "23:00", "days": ["someday"]}, "not one of: mon, tue"),
        ({"from": "22:00", "until": "23:00", "timezone": "Mars/Base"}, "not a time zone"),
        ({"from": "22:00", "until": "23:00", "timezone": "../../etc/passwd"}, "not a time zone"),
        ({"from": "2026-01-31T22:00:00Z", "until": "2026-02-01T04:00:00Z", "days": ["sat"]}, "is of one time"),
    ],
)
def test_what_is_not_a_window_is_refused(given: Any, said: str) -> None:
    """A host must not be repaired because of a typing error in when it must not be."""
    with pytest.raises(MaintenanceError, match=said):
        open_now(given, datetime.fromisoformat("2026-01-31T02:30:00Z"))
