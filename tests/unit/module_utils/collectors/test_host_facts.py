"""The machine, in the words of a Debian 12 host: memory, waits for it, uptime, its name, and the loopback interface."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import host

MEMORY = """MemTotal:       24684092 kB
MemFree:        20944712 kB
MemAvailable:   23576284 kB
Buffers:          429860 kB
HugePages_Total:       0
DirectMap4k:       28672 kB
"""
PRESSURE = """some avg10=0.00 avg60=0.00 avg300=0.00 total=0
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""
OS_RELEASE = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
ID=debian
HOME_URL="https://www.debian.org/"
"""


def test_memory_is_in_mib() -> None:
    """Lines without a unit are counts; what an old kernel does not have is 0."""
    assert host.parse_memory(MEMORY) == {"total": 24105, "available": 23023}
    assert host.parse_memory("MemTotal:        2048 kB\nHugePages_Total:       0\n") == {"total": 2, "available": 0}


@pytest.mark.parametrize(
    ("some", "full", "expected"), [("0.00", "0.00", 0.0), ("80.00", "9.99", 0.0), ("80.00", "10.00", 10.0)]
)
def test_all_work_stands_still(some: str, full: str, expected: float) -> None:
    """Where some of it waits, the rest goes on; below the share that hosts meet that are well, nothing is said."""
    text = PRESSURE.replace("some avg10=0.00", f"some avg10={some}").replace("full avg10=0.00", f"full avg10={full}")
    assert host.parse_stalls(text) == expected
    assert host.parse_stalls("") == 0.0


def test_the_loopback_interface() -> None:
    """Up, then down, as a host's kernel writes it; what is not a number raises."""
    assert host.parse_is_up("0x9\n")
    assert not host.parse_is_up("0x8\n")
    with pytest.raises(ValueError, match="invalid literal"):
        host.parse_is_up("")


def test_uptime_and_distribution() -> None:
    """The first of two numbers; the name for people, without its quotes."""
    assert host.parse_uptime("11833.00 8122.41\n") == 11833.0
    assert host.parse_os_release(OS_RELEASE) == "Debian GNU/Linux 12 (bookworm)"
    assert host.parse_os_release("ID=debian\n") == ""


def looked_up(name: str) -> dict[str, Any]:
    """What the resolver says of a name: one ending is known."""
    return {"name": name, "ok": name.endswith(".internal"), "addresses": []}


def test_names_that_the_app_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the database and of brokers, each once; addresses are none; the unit is asked only what is known here."""
    monkeypatch.setattr(host.name_resolution, "look_up", looked_up)
    monkeypatch.setattr(host.unit_resolver, "ask", lambda _stack, names: dict.fromkeys(names, "as the unit"))
    brokers = [
        {"setting": "CELERY_BROKER_URL", "address": "queue.lost:5672"},
        {"setting": "CACHES", "address": "db.internal:6379"},
        {"setting": "CACHES", "address": "192.0.2.7:6379"},
    ]
    stack: Any = SimpleNamespace()
    found = host.needed_names(stack, {"host": "db.internal"}, brokers, ask_unit=True)
    assert [(item["name"], item["needed_by"], item.get("unit")) for item in found] == [
        ("db.internal", "the database", "as the unit"),
        ("queue.lost", "CELERY_BROKER_URL", None),
    ]
    assert not any("unit" in item for item in host.needed_names(stack, {"host": "db.internal"}, [], ask_unit=False))
