"""Addresses that gunicorn itself has said in the rehearsal take the place of those that nobody knew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import addresses, service

TCP = {"kind": "tcp", "host": "127.0.0.1", "port": 8000, "path": ""}
STRANGER = {"pid": 7, "command": "other", "unit": "other.service", "foreign": True}


def settled(monkeypatch: pytest.MonkeyPatch, section: Any, rehearsed: Any, held: bool = False) -> Any:
    """The section after the rehearsal, on a host where somebody else holds every address, or nobody any."""
    holders = [STRANGER] if held else []
    monkeypatch.setattr(addresses, "bind_facts", lambda bind, _listeners, _stack: {**bind, "listeners": holders})
    stack: Any = SimpleNamespace(bind_bar="")
    return service.settled(section, stack, [], rehearsed)


def test_they_are_looked_at_like_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens there, and whether that is the app."""
    unknown = {"binds": [], "listening": False, "foreign": [], "unit": {}}
    said = {"steps": {"binds": {"ok": True, "addresses": [TCP]}}}
    found = settled(monkeypatch, unknown, said, held=True)
    assert (found["binds"][0]["port"], found["foreign"], found["unit"]) == (8000, [STRANGER], {})
    assert settled(monkeypatch, unknown, said)["listening"] is False


def test_what_is_known_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does what gunicorn did not say, or a section that failed."""
    known = {"binds": [TCP], "listening": True}
    said = {"steps": {"binds": {"ok": True, "addresses": [TCP]}}}
    assert settled(monkeypatch, known, said) is known
    unknown = {"binds": []}
    for rehearsed in ({}, None, {"steps": {}}, {"steps": {"binds": {"ok": True}}}):
        assert settled(monkeypatch, unknown, rehearsed) is unknown
    failed = {"failed": "OSError"}
    assert settled(monkeypatch, failed, said) is failed
