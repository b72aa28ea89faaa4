"""What is sent to web servers and chats, over real HTTP; what may be said of an address; and who is waited for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.run.delivery import (
    AddressError,
    Recipient,
    by_apprise,
    deliver,
    parse,
    send,
)
from web_server import WebServer, serving

SECRET = "xoxb-s3cret"
INCIDENT = "20260131T120000Z-ab12cd"


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A web server on loopback."""
    with serving() as up:
        yield up


def test_a_report_is_put_where_its_address_says(server: WebServer) -> None:
    """With its headers; host and incident stand in the address, whatever characters they have."""
    (to,) = parse({"url": server.url + "/{incident}/{host}.json", "method": "put", "headers": {"X-Token": SECRET}})
    assert send(to, {"text": "é"}, "web/1?", INCIDENT) == ""
    (request,) = server.requests
    assert (request.method, request.path) == ("PUT", f"/{INCIDENT}/web%2F1%3F.json")
    assert (request.headers["X-Token"], json.loads(request.body)) == (SECRET, {"text": "é"})


@pytest.mark.parametrize(
    ("path", "why"), [("/status/404", "HTTP 404"), ("/status/500", "HTTP 500"), ("/moved", "HTTP 302")]
)
def test_why_a_server_did_not_take_it(server: WebServer, path: str, why: str) -> None:
    """A redirect is followed to no other server: what was sent may hold a token."""
    assert send(Recipient(f"{server.url}{path}/{SECRET}"), {}, "h", INCIDENT) == why
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:1/{SECRET}",
        f"http://user:{SECRET}@127.0.0.1:1/",
        f"http://no-such-host.invalid/{SECRET}",
        f"http://127.0.0.1:1/{SECRET} with a space",
        f"http://127.0.0.1:1/{SECRET}\r\nX: y",
    ],
)
def test_no_secret_is_said(url: str) -> None:
    """Whatever is wrong: neither by who it is, nor by why it failed, nor by its repr."""
    to = Recipient(url, headers={"X": SECRET})
    (why,) = deliver([partial(send, to, {}, "h", INCIDENT)])
    assert why
    assert SECRET not in f"{why} {to.name()} {to!r}"


def test_nobody_is_waited_for_without_end(server: WebServer) -> None:
    """All together get one limit; who has answered by then has it."""
    begun = time.monotonic()
    slow, quick = (partial(send, Recipient(server.url + path), {}, "h", INCIDENT) for path in ("/slow", "/quick"))
    assert deliver([slow, quick], limit=0.7) == ["no answer in time", ""]
    assert time.monotonic() - begun < 3
    assert deliver([]) == []


def test_what_raises_is_said_by_its_kind_alone() -> None:
    """The words of a library may hold the address."""

    def fails() -> str:
        raise ValueError(SECRET)

    assert deliver([fails]) == ["ValueError"]


def test_apprise_delivers_to_its_services(server: WebServer) -> None:
    """The real library, to its service for JSON; an address that it does not know is not shown."""
    (to,) = parse(server.url.replace("http", "json") + f"/{SECRET}")
    assert (to.is_web, to.name()) == (False, "json")
    assert by_apprise(to, "web1: recovered", "Done: restart") == ""
    (request,) = server.requests
    sent = json.loads(request.body)
    assert (sent["title"], sent["message"]) == ("web1: recovered", "Done: restart")
    assert by_apprise(Recipient(f"nobody://{SECRET}"), "t", "b") == "apprise does not know this address"
    assert by_apprise(Recipient(server.url.replace("http", "json") + "/status/500"), "t", "b")


@pytest.mark.parametrize(
    ("given", "web_only"),
    [
        (7, False),
        ("hooks.example.com", False),
        ({"url": ["x"]}, False),
        ({"url": f"https://x/{SECRET}", "token": SECRET}, False),
        ({"url": f"https://x/{SECRET}", "method": "DELETE"}, False),
        ({"url": f"https://x/{SECRET}", "headers": SECRET}, False),
        (f"slack://{SECRET}/b/c", True),
        (f"https://[{SECRET}", False),
        (f"https://x:port/{SECRET}", False),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(given: Any, web_only: bool) -> None:
    """And not shown."""
    with pytest.raises(AddressError) as refused:
        parse(given, web_only)
    assert SECRET not in str(refused.value)


def test_addresses_are_one_or_several() -> None:
    """Or none."""
    assert [to.name() for to in parse(["https://a.example/x", {"url": "mailto://user:pw@example.com"}])] == [
        "https://a.example",
        "mailto",
    ]
    assert parse(None) == parse("") == parse([]) == []
