"""The requests that the rehearsal makes once more, and which of its answers count as served."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app.repeated_requests import Page, pages

ORIGIN = "https://shop.example"
CHECK = {"url": "https://127.0.0.1/api/?page=2", "host": "api.example", "status": 200, "json": {"status": "healthy"}}
GOOD = {"status": 200, "headers": {"Access-Control-Allow-Origin": ORIGIN}, "body": '{"status": "healthy"}'}


def test_a_request_is_made_as_nginx_would() -> None:
    """Its path and query, name, scheme and Origin; the Origin not where the check wants none."""
    assert Page(CHECK, "api", ORIGIN, is_error=True).request() == {
        "path": "/api/?page=2",
        "host": "api.example",
        "secure": True,
        "headers": {"HTTP_ORIGIN": ORIGIN},
        "is_error": True,
    }
    plain = Page({"url": "http://shop.example", "cors": False}, "page", ORIGIN, is_error=False).request()
    assert (plain["path"], plain["host"], plain["secure"], plain["headers"]) == ("/", "shop.example", False, {})


@pytest.mark.parametrize(
    ("change", "served"),
    [
        ({}, True),
        ({"status": 400}, False),
        ({"body": '{"status": "ill"}'}, False),
        ({"body": "<html>"}, False),
        ({"headers": {"access-control-allow-origin": "https://other.example"}}, False),
        ({"headers": {}}, False),
        ({"headers": {"access-control-allow-origin": "*"}}, True),
        ({"status": 301, "headers": {"location": "https://api.example/api/?page=2"}}, False),
    ],
)
def test_an_answer_is_judged_as_the_edge_is(change: dict[str, Any], served: bool) -> None:
    """Status, JSON and the browser's rule on origins."""
    page = Page(CHECK, "api", ORIGIN, is_error=True)
    assert page.is_served_by({**GOOD, **change}) is served
    assert page.is_served_by(None) is False


@pytest.mark.parametrize(
    ("status", "listening", "asked"),
    [
        (500, "gunicorn", True), (404, "gunicorn", True), (200, "gunicorn", True), (502, "gunicorn", True),
        (502, "", False), (503, "gunicorn", False), (504, "gunicorn", False), (0, "gunicorn", False),
        (500, "", True), (502, "uwsgi", True),
    ],
)  # fmt: skip
def test_what_is_made_once_more(status: int, listening: str, asked: bool) -> None:
    """What the app itself has answered, or has hung up on; not what nobody answered, or was too late."""
    found = pages([(CHECK, {"name": "api", "status": status})], ORIGIN, listening)
    assert bool(found) is asked
    assert [page.is_error for page in found] == ([status == 500 or listening == "uwsgi"] if asked else [])
