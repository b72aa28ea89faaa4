"""What a second process says is heard, and one that cannot be had or does not answer says nothing."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_two_processes
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_two_processes import (
    Twin,
    compare_keys,
    compare_processes,
)


def test_a_twin_answers_from_another_process() -> None:
    """Its own process number, and of this one's later changes nothing."""
    here: dict[str, Any] = {}
    twin = Twin(lambda word: [word, os.getpid(), here])
    here["later"] = True
    word, pid, seen = twin.ask("salt")
    assert (word, seen) == ("salt", {})
    assert pid != os.getpid()


def test_a_twin_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises, is too late, or there is no room for another process."""
    monkeypatch.setattr(script_two_processes, "TWIN_SECONDS", 0.2)

    def fails(_word: str) -> None:
        os._exit(3)

    assert Twin(fails).ask("salt") is None
    assert Twin(lambda _word: time.sleep(1)).ask("salt") is None

    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    assert Twin(lambda word: word).ask("salt") is None


def settings(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Settings of a Django that is not installed here."""
    monkeypatch.setitem(__import__("sys").modules, "django", SimpleNamespace())
    monkeypatch.setitem(
        __import__("sys").modules, "django.conf", SimpleNamespace(settings=SimpleNamespace(SECRET_KEY=key))
    )


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ("the same", {"key_varies": False, "key_unset": []}),
        ("another", {"key_varies": True, "key_unset": []}),
        (None, {}),
    ],
)
def test_keys_are_compared_without_being_told(
    monkeypatch: pytest.MonkeyPatch, other: str | None, found: dict[str, Any]
) -> None:
    """Their digests; what is not known is not said."""
    settings(monkeypatch, "a secret")
    answer = {"the same": script_two_processes.digest, "another": lambda salt: "0" * 64}.get(
        other or "", lambda _: None
    )
    plan = {"unwell": False, "given": set(), "twin": SimpleNamespace(ask=answer)}
    assert compare_keys(plan) == found


def test_keys_that_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that the environment gives; and none where the site is not well, or the app does not come up."""
    settings(monkeypatch, "given")
    assert compare_keys({"unwell": False, "given": {"given"}}) == {}
    assert compare_keys({"unwell": True}) == {}
    assert compare_processes({"failed": True}) == {}
