"""Which layer of Django's made an answer, as it was heard; and that what is sent to a host keeps its names apart."""

from __future__ import annotations

import ast
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import rehearsal_source
from ansible_collections.rescue502.django.plugins.module_utils.django_app.repeated_requests import (
    Page,
    judged,
    unavailable_pages,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_answering import Heard, view_of

CHECK = {"url": "https://shop.example/api/", "status": 200}
BY = {
    "kind": "middleware", "name": "shop.closed.closed", "file": "/srv/shop/closed.py", "line": 4, "in_app": True,
    "type": "", "message": "",
}  # fmt: skip


def passes(get_response: Any) -> Any:
    """A middleware that hands on all."""
    return get_response


def closes(_get_response: Any) -> Any:
    """One that answers by itself, as in a maintenance."""
    return lambda _request: SimpleNamespace(status_code=503)


def hides(get_response: Any) -> Any:
    """One that makes another answer of what it is given."""
    return lambda request: SimpleNamespace(status_code=404 if get_response(request).status_code == 403 else 200)


def chain(heard: Heard, middleware: dict[str, Any], view: Any) -> Any:
    """As Django builds it: from the innermost."""
    for name, made in reversed(list(middleware.items())):
        view = heard.middleware(name, made)(view)
    return view


@pytest.mark.parametrize(
    ("middleware", "by_view", "maker"),
    [
        ({"a": passes, "b": closes, "c": passes}, 200, "b"),
        ({"a": closes}, 200, "a"),
        ({"a": passes, "b": hides}, 403, "b"),
        ({"a": hides, "b": passes}, 403, "a"),
        ({"a": passes, "b": passes}, 503, None),
        ({}, 404, None),
    ],
)
def test_who_makes_the_answer(middleware: dict[str, Any], by_view: int, maker: str | None) -> None:
    """The outermost one that did not just hand on what it was given; None where that is the view's own."""
    heard = Heard()
    answer = chain(heard, middleware, lambda _request: SimpleNamespace(status_code=by_view))("request")
    found = heard.maker(answer.status_code)
    assert (found and found["name"]) == maker


def test_what_a_hook_answers_and_what_was_raised() -> None:
    """An answer of process_view, which Django gives in the view's place; an exception that Django answers."""
    heard = Heard()
    assert heard.view_hook(lambda *_words: None)("request", None, (), {}) is None
    assert heard.hook is None
    locked = heard.view_hook(passes)("locked out")
    assert (locked, heard.hook) == ("locked out", passes)
    error = PermissionError("locked")
    heard.raised(lambda _request, _error: SimpleNamespace(status_code=403))("request", error)
    assert heard.errors == [(error, 403)]


def test_layers_that_cannot_be_heard_say_nothing() -> None:
    """An asynchronous layer is left as it is."""

    async def asynchronous(_request: Any) -> Any:
        return None

    heard = Heard()
    assert heard.middleware("a", passes)(asynchronous) is asynchronous
    assert not heard.whole


def test_a_view_is_what_its_author_wrote() -> None:
    """The class behind as_view(), or the function below decorators."""
    page = SimpleNamespace(view_class=Heard)
    assert view_of(page) is Heard
    decorated = SimpleNamespace(__wrapped__=passes)
    assert view_of(decorated) is passes


@pytest.mark.parametrize(
    ("change", "said"),
    [({}, True), ({"status": 404}, False), ({"by": None}, False), ({"status": 200}, False)],
)
def test_only_the_edges_own_answer_is_told(change: dict[str, Any], said: bool) -> None:
    """Another status here than at the edge has another reason than the visitor's."""
    answer = {"status": 503, "headers": {}, "body": "", "by": BY, **change}
    found = judged(
        [Page(CHECK, "api", "", False, 503, who_alone=True), Page(CHECK, "b", "", False, 404)], [answer, None]
    )
    assert found["served"] == [], "who is asked for nothing else proves nothing else"
    if said:
        expected = {**BY, "name": "api", "by": "shop.closed.closed", "path": "/api/", "status": 503}
        assert found["answered"] == [expected]
    else:
        assert found["answered"] == []


def test_what_nobody_answers_is_asked_for_who_alone() -> None:
    """A 503 may be nginx's."""
    wrong: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (CHECK, {"name": "api", "status": 503}),
        ({**CHECK, "preflight": "POST"}, {"name": "preflight", "status": 503}),
        (CHECK, {"name": "other", "status": 404}),
    ]
    assert [(page.name, page.who_alone) for page in unavailable_pages(wrong, "")] == [("api", True)]


def test_the_parts_of_the_script_share_no_name() -> None:
    """They are run as one text: a second function of a name would take the place of the first in all parts."""
    names: Counter[str] = Counter()
    for item in ast.parse(rehearsal_source.source()).body:
        if isinstance(item, (ast.FunctionDef, ast.ClassDef)):
            names[item.name] += 1
        elif isinstance(item, ast.Assign):
            names.update(ast.unparse(target) for target in item.targets)
    assert [name for name, count in names.items() if count > 1] == []
