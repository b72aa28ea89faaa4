"""When an account expired, by what getent(1) prints of shadow(5)."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

TODAY = 20_000


@pytest.mark.parametrize(
    ("printed", "day"),
    [
        ("shop:!:19000:0:99999:7::1:\n", "1970-01-02"),
        (f"shop:!:19000:0:99999:7::{TODAY}:\n", "2024-10-04"),
        (f"shop:!:19000:0:99999:7::{TODAY + 1}:\n", ""),
        ("shop:!:19000:0:99999:7:::\n", ""),
        # Nothing is said to one who is not root.
        ("", ""),
        ("shop:x\n", ""),
    ],
)
def test_the_day(monkeypatch: pytest.MonkeyPatch, printed: str, day: str) -> None:
    """Past days alone; a field that is empty is no day."""
    monkeypatch.setattr(subprocess, "run", lambda *_words, **_options: SimpleNamespace(stdout=printed))
    monkeypatch.setattr(accounts.time, "time", lambda: TODAY * 86_400.0)
    assert accounts.expired_on("shop") == day


def test_without_the_program_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without glibc."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert accounts.expired_on("root") == ""


def test_groups_of_a_unit_that_are_gone() -> None:
    """By name; an id needs no entry."""
    assert accounts.missing_groups({"SupplementaryGroups": "root no-such-group 4711"}) == ["no-such-group"]
    assert accounts.missing_groups({}) == []
