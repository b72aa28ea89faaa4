"""What is collected at which stage: files and storage once where a host is broken, at a glance where it is well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.probe import stages

EDGE = {"configured": True, "well": True, "certificates": [], "shown": [], "statuses": [200]}
SERVICE = {
    "unit": {
        "active_state": "active",
        "sub_state": "running",
        "needs_reload": False,
        "file_state": "enabled",
        "triggered_by": [],
    },
    "listening": True,
    "backend": {"well": True},
}
DATABASE = {"door": "", "local": True, "running": True, "listening": True}
ENVIRONMENT = {"missing": [], "exposed": [], "debug": False}
FILES = {"violations": {"code": []}, "static_empty": False}
STORAGE = {"full": [], "without_inodes": [], "read_only": [], "temporary": []}


@pytest.fixture
def glances(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was looked at at a glance, on a host where each collector finds all in order."""
    seen: list[str] = []

    def glance(name: str, found: dict[str, Any]) -> Any:
        def collect(*_given: Any, glance: bool = False) -> dict[str, Any]:
            seen.append(f"{name} {'at a glance' if glance else 'whole'}")
            return found

        return collect

    for name, found in (("service", SERVICE), ("database", DATABASE), ("environment", ENVIRONMENT)):
        monkeypatch.setattr(getattr(stages, name), "collect", lambda *_given, found=found: found)
    monkeypatch.setattr(stages.files, "collect", glance("files", FILES))
    monkeypatch.setattr(stages.storage, "collect", glance("storage", STORAGE))
    monkeypatch.setattr(stages.sockets, "listeners", list)
    monkeypatch.setattr(stages.service, "started_at", lambda _properties: 0.0)
    monkeypatch.setattr(stages.edge, "recent_errors", lambda _stack, _since: {"count": 0})
    monkeypatch.setattr(stages.settling, "settle", lambda _stack, edge, _ask, _given: edge)
    monkeypatch.setattr(stages.database, "settled", lambda found, _stack, _listeners: found)
    return seen


def quick(level: str, **edge: Any) -> dict[str, Any]:
    """The sections of a quick look at a host whose edge answers so."""
    stack: Any = SimpleNamespace(properties={})
    found, _listeners = stages._quick(stack, {"level": level, "health_json": ""}, lambda: {**EDGE, **edge})
    return found


def test_a_host_that_is_well_gets_a_glance(glances: list[str]) -> None:
    """It is all that is looked at there, and may still find a reason to look deeper."""
    found = quick("auto")
    assert sorted(glances) == ["files at a glance", "storage at a glance"]
    assert (found["files"], found["host"]) == (FILES, STORAGE)


@pytest.mark.parametrize(("level", "well"), [("auto", False), ("full", True), ("full", False)])
def test_what_a_deep_look_takes_in_gets_no_glance(glances: list[str], level: str, well: bool) -> None:
    """It is collected once, when Django's settings are known."""
    found = quick(level, well=well)
    assert glances == []
    assert {"files", "host"} & set(found) == set()
