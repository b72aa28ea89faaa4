"""Where the app is to rest, it is not started for a trial."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.probe import started_aside

OURS, OTHERS = "127.0.0.1:8000", "10.77.0.2:8000"


@pytest.fixture(autouse=True)
def _nobody_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(started_aside.refusals, "collect", lambda _stack, _asked: [])


def bar(
    base: dict[str, Any] | None = None,
    *,
    wanted: bool = True,
    state: str = "inactive",
    file_state: str = "enabled",
    result: str = "success",
    start: dict[str, str] | None = None,
    sent_to: str = OURS,
) -> str:
    """Why an app in this state, with nginx sending there, is not started."""
    bind = [{"kind": "tcp", "host": "127.0.0.1", "port": 8000, "path": ""}]
    properties = {"ActiveState": state, "UnitFileState": file_state, "Result": result}
    locations = [{"addresses": [sent_to]}] if sent_to else []
    stack: Any = SimpleNamespace(
        unit="shop.service", user="shop", properties=properties, locations=locations, bind=bind
    )
    quick = {"edge": {}, "database": base or {}, "service": {"start": start or {}}}
    return started_aside.bar(stack, {"shadow_start": wanted}, quick)


def test_an_app_that_is_down_may_be_tried() -> None:
    """Disabled or not, where nginx sends it something, or nobody knows where nginx sends."""
    assert bar() == bar(file_state="disabled") == bar(file_state="disabled", sent_to="") == bar(sent_to=OTHERS) == ""


def test_one_that_nothing_is_sent_to_is_left() -> None:
    """Disabled: somebody has moved away from it."""
    assert bar(file_state="disabled", sent_to=OTHERS) == "shop.service is disabled, and nginx sends it nothing"


def test_one_whose_database_is_kept_down_is_left() -> None:
    """By hand alone is it started."""
    base = {"by_hand": {"unit": "postgresql@15-main.service", "word": "disabled"}}
    assert bar(base).startswith("postgresql@15-main.service, its database")
    assert bar(base, state="active") == "", "what runs has begun its work already"


def test_the_users_word_nginx_and_a_closed_account_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself."""
    assert bar(wanted=False) == "rescue502_shadow_start is false"
    expired = {"account": "shop", "account_expired": "2026-11-01"}
    assert bar(start=expired) == "the account shop expired on 2026-11-01"
    assert bar(state="failed", result="exit-code", start=expired) == "", (
        "a rule of the house may have it expire; nobody stopped the app"
    )
    monkeypatch.setattr(started_aside.refusals, "collect", lambda _stack, _asked: [{"certain": True}])
    assert bar(start=expired) == "nginx is configured to answer without the app"
