"""In what condition PostgreSQL has the app's tables: what is made of the rows of its catalogue."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_upkeep


class Cursor:
    """Answers the three questions with these rows; raises where there are none for one."""

    def __init__(self, answers: dict[str, list[tuple[Any, ...]]]) -> None:
        self.answers, self.given = answers, list[tuple[Any, ...]]()

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_given: object) -> None:
        pass

    def execute(self, sql: str) -> None:
        """As a driver's."""
        self.given = self.answers[sql]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """As a driver's."""
        return self.given


def asked(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], vendor: str = "postgresql") -> dict[str, Any]:
    """What the step gives."""
    database = ModuleType("django.db")
    database.connection = SimpleNamespace(vendor=vendor, cursor=lambda: Cursor(answers))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django", ModuleType("django"))
    monkeypatch.setitem(sys.modules, "django.db", database)
    return script_upkeep.ask_upkeep({})


def answers(*numbers: tuple[Any, ...]) -> dict[str, Any]:
    """Rows for all three questions."""
    return {
        script_upkeep.INVALID_INDEXES: [("by_name", "shop_order", "public")],
        script_upkeep.UNCOUNTED: [("shop_order", 12)],
        script_upkeep.NEARLY_USED_UP: list(numbers),
    }


@pytest.mark.parametrize(
    ("last", "step", "used_up"), [(100, 1, True), (99, 1, False), (99, 2, True), (91, 10, True), (90, 10, False)]
)
def test_numbers_are_used_up_where_the_next_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, last: int, step: int, used_up: bool
) -> None:
    """By the sequence's own step."""
    found = asked(monkeypatch, answers(("shop_order", "id", "shop_order_id_seq", last, 100, step, "integer")))
    (item,) = found["numbers"]
    assert item["used_up"] is used_up
    assert "step" not in item
    assert found["invalid"] == [{"name": "by_name", "table": "shop_order", "schema": "public"}]
    assert found["uncounted"] == [{"table": "shop_order", "mib": 12}]


def test_what_cannot_be_asked_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another database, or of a version that lacks a catalogue; the app's start has not failed by it."""
    assert asked(monkeypatch, answers(), vendor="mysql") == {}
    assert asked(monkeypatch, {script_upkeep.INVALID_INDEXES: []}) == {}


def test_no_more_than_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a thousand tables, some."""
    many = answers()
    many[script_upkeep.UNCOUNTED] = [(f"shop_{number}", 9) for number in range(1000)]
    assert len(asked(monkeypatch, many)["uncounted"]) == script_upkeep.MOST_UPKEEP
