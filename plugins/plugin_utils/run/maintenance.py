# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Maintenance windows of the inventory, in which no run changes a host. Pure.

`rescue502_maintenance` is a list of {from, until, days, timezone, reason}. Of one time each, `from` and `until` are ISO
8601 times with their zone; of each day they are hours such as "22:00", on `days` (mon to sun; all unless given, by the
day on which the window opens), in `timezone` (an IANA name; UTC unless given).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = {"from", "until", "days", "timezone", "reason"}
BY = "the inventory's maintenance window"
FORM = 'write {from: "22:00", until: "04:00", days: [sat]}, or times such as 2026-01-31T22:00:00Z'


class MaintenanceError(Exception):
    """A window cannot be used; the text says which and why."""


def open_now(given: Any, now: datetime) -> dict[str, Any]:
    """The window that is open now, as a pause: {until (seconds since the epoch), by, reason}; empty where none is.

    Of several, the one that closes last. Raises MaintenanceError for any that is not valid.
    """
    windows = given if isinstance(given, list) else [given] if given else []
    ends = [(end, str(item.get("reason") or "")) for item in windows if (end := _end(item, now)) is not None]
    if not ends:
        return {}
    until, reason = max(ends)
    return {"until": until.timestamp(), "by": BY, "reason": reason}


def _end(item: Any, now: datetime) -> datetime | None:
    """When a window closes that is open now; None where it is not open."""
    if not isinstance(item, dict) or set(item) - KEYS or not {"from", "until"} <= set(item):
        raise MaintenanceError(f"{item!r} is not a valid window: {FORM}")
    begin, end = _moment(item["from"]), _moment(item["until"])
    if isinstance(begin, datetime) and isinstance(end, datetime):
        if begin.tzinfo is None or end.tzinfo is None:
            raise MaintenanceError(f"{item!r} names no time zone; end its times with Z for UTC")
        if {"days", "timezone"} & set(item):
            raise MaintenanceError(f"{item!r} is of one time, and has no days or timezone of its own")
        return end if begin <= now < end else None
    if isinstance(begin, time) and isinstance(end, time):
        return _end_of_daily(begin, end, _days(item.get("days", list(DAYS))), _zone(item.get("timezone", "UTC")), now)
    raise MaintenanceError(f"{item!r} is half of one form and half of the other: {FORM}")


def _end_of_daily(begin: time, end: time, days: list[int], zone: tzinfo, now: datetime) -> datetime | None:
    """When today's or yesterday's window closes, where one is open. One may go past midnight."""
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        opens = _at(day, begin, zone)
        closes = _at(day + timedelta(days=int(end <= begin)), end, zone)
        if day.weekday() in days and opens <= now < closes:
            return closes
    return None


def _at(day: date, hour: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, hour, zone)


def _moment(given: Any) -> datetime | time:
    """A time of one day, or an hour of each. YAML reads an unquoted 22:00 as 1320, which is its minutes."""
    if isinstance(given, datetime):
        return given
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 24 * 60:
        return time(given // 60, given % 60)
    text = str(given).strip()
    try:
        if len(text) <= len("22:00"):
            return datetime.strptime(text, "%H:%M").time()
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise MaintenanceError(f"'{given}' is not a valid time: {FORM}") from error


def _days(given: Any) -> list[int]:
    names = [str(name).lower()[:3] for name in (given if isinstance(given, list) else [given])]
    if unknown := [name for name in names if name not in DAYS]:
        raise MaintenanceError(f"'{unknown[0]}' is not one of: {', '.join(DAYS)}")
    return [DAYS.index(name) for name in names]


def _zone(name: Any) -> tzinfo:
    if name == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MaintenanceError(f"'{name}' is not a time zone that this controller knows") from error
