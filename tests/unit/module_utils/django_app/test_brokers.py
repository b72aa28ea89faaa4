"""Whether a cache or broker answers: asked of real sockets, which behave in each way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_brokers
from planted import amqp_broker

# What is sent back, None for nothing, and what is said of it.
ANSWERS = {
    "Redis": ("redis://{}/0", b"+PONG\r\n", ""),
    "Redis with a password": ("redis://:pass@{}/0", b"+OK\r\n+PONG\r\n", ""),
    "a password that is wrong": ("redis://:pass@{}/0", b"-WRONGPASS invalid\r\n+PONG\r\n", "WRONGPASS invalid"),
    "a password that lacks": (
        "redis://{}/0",
        b"-NOAUTH Authentication required.\r\n",
        "NOAUTH Authentication required.",
    ),
    "one that loads its data": ("redis://{}/0", b"-LOADING Redis is loading\r\n", "LOADING Redis is loading"),
    "a password where none is wanted": (
        "redis://:pass@{}/0",
        b"-ERR AUTH <password> called without any password configured for the default user.\r\n+PONG\r\n",
        "",
    ),
    "a number that is too high": (
        "redis://{}/77",
        b"+PONG\r\n-ERR DB index is out of range\r\n",
        "database 77: ERR DB index is out of range",
    ),
    "memory that is full": (
        "redis://{}/",
        b"+PONG\r\n$61\r\nused_memory:900\r\nmaxmemory:800\r\nmaxmemory_policy:noeviction\r\n\r\n",
        "its memory is full: it has 900 of 800 bytes (maxmemory, noeviction), and takes no writes",
    ),
    "a replica": (
        "redis://{}/",
        b"+PONG\r\n$56\r\nrole:slave\r\nmaster_host:10.0.0.9\r\nslave_read_only:1\r\n\r\n",
        "it is a replica of 10.0.0.9, and takes no writes",
    ),
    "no room to save": (
        "redis://{}/",
        b"+PONG\r\n$28\r\nrdb_last_bgsave_status:err\r\n\r\n",
        "it could not save to its disk, and takes no writes (stop-writes-on-bgsave-error)",
    ),
    "silence": ("redis://{}/0", None, "no answer within 0.2 s"),
    "a web server": (
        "redis://{}/0",
        b"HTTP/1.1 400 Bad Request\r\n",
        "what listens there does not answer as redis does",
    ),
    "another AMQP": ("amqp://{}//", b"AMQP\x00\x01\x00\x00", "what listens there does not answer as amqp does"),
    "half an answer": (
        "amqp://{}//",
        b"\x01\x00\x00\x00\x00\x00\x06\x00\x0a",
        "what listens there does not answer as amqp does",
    ),
    "no RabbitMQ": ("amqp://{}//", b"SSH-2.0-OpenSSH\r\n", "what listens there does not answer as amqp does"),
    "memcached": ("memcached://{}", b"VERSION 1.6.18\r\n", ""),
}


@contextmanager
def served(answer: bytes | None) -> Iterator[str]:
    """The address of a server that sends this back to the first who says something, and then closes or stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(200)
                if answer is not None:
                    connection.sendall(answer)
                    # Only its own side: who closes with something unread resets, and what was sent may be lost.
                    connection.shutdown(socket.SHUT_WR)
                while connection.recv(200):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


@pytest.mark.parametrize("way", ANSWERS)
def test_what_it_says(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Nothing of one that answers; else why. Its password is not kept."""
    monkeypatch.setattr(script_brokers, "BROKER_SECONDS", 0.2)
    url, answer, problem = ANSWERS[way]
    with served(answer) as address:
        [(setting, kind, given)] = script_brokers.of_url("X", url.format(address)) or [
            ("X", "memcached", url.format(address))
        ]
        asked = script_brokers.ask_broker(setting, kind, given)
    assert asked == {"setting": "X", "kind": kind, "address": address, "problem": problem}


LOGIN = "it refuses the user and password of the settings: 403 " + amqp_broker.REFUSED
# The URL of a broker with user `shop`, password `p/w` and the virtual host that is named next; what is said of it.
LOGINS = {
    "let in": ("amqp://shop:p%2Fw@{}//", "/", ""),
    "let in where nothing is named": ("pyamqp://shop:p%2Fw@{}", "/", ""),
    "let into a virtual host": ("amqp://shop:p%2Fw@{}/web", "web", ""),
    "the password is wrong": ("amqp://shop:other-1@{}//", "/", LOGIN),
    "the user is gone": ("amqp://shop-2:p%2Fw@{}//", "/", LOGIN),
    "neither is given": ("amqp://{}//", "/", LOGIN),
    "no such virtual host": (
        "amqp://shop:p%2Fw@{}/web",
        "/",
        "it refuses the virtual host web: 530 NOT_ALLOWED - vhost web not found",
    ),
}


@pytest.mark.parametrize("way", LOGINS)
def test_whom_a_broker_lets_in(way: str) -> None:
    """It is asked with the user, the password and the virtual host of the settings, and says itself what it refuses."""
    url, vhost, problem = LOGINS[way]
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = ("shop", "p/w", vhost)
        threading.Thread(target=amqp_broker.serve, args=(server, *place), daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        [(setting, kind, given)] = script_brokers.of_url("X", url.format(address))
        asked = script_brokers.ask_broker(setting, kind, given)
    assert asked == {"setting": "X", "kind": "amqp", "address": address, "problem": problem}


def test_a_broker_that_refuses_without_a_word() -> None:
    """An old one closes the connection when it hears the password: that is said, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = (server, "shop", "right", "/", False)
        threading.Thread(target=amqp_broker.serve, args=place, daemon=True).start()
        url = f"amqp://shop:wrong@127.0.0.1:{server.getsockname()[1]}//"
        problem = script_brokers.ask_broker("X", "amqp", url)["problem"]
    assert problem == "it refuses the user and password of the settings: it closes the connection at that point"


def test_nobody_listens() -> None:
    """The kernel says so, of a port and of a socket's file."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert script_brokers.ask_broker("X", "redis", f"redis://{address}")["problem"] == "Connection refused"
    gone = script_brokers.ask_broker("X", "redis", "unix:///nowhere/redis.sock")
    assert (gone["address"], gone["problem"]) == ("/nowhere/redis.sock", "No such file or directory")


@pytest.mark.parametrize("url", ["", None, "locmem", "sqs://queue", "https://cache.example/"])
def test_what_is_not_known_is_not_asked(url: str | None) -> None:
    """Only what is known to be one of the three is connected to."""
    assert script_brokers.of_url("X", url) == []


OPTIONS = {
    "nothing more": ("redis://h:1/2", {}, "redis://h:1/2", "2"),
    "a number": ("redis://h:1", {"db": 5}, "redis://h:1?db=5", "5"),
    "a number in both places": ("redis://h:1/2", {"db": 5}, "redis://h:1/2", "2"),
    "a password": ("redis://h:1", {"PASSWORD": "p/w"}, "redis://:p%2Fw@h:1", None),
    "a user": ("redis://h", {"username": "u", "password": "p"}, "redis://u:p@h", None),
    "a socket": ("unix:///run/r.sock?x=1", {"db": 3}, "unix:///run/r.sock?x=1&db=3", "3"),
}


@pytest.mark.parametrize("way", OPTIONS)
def test_what_else_the_settings_say(way: str) -> None:
    """A cache's OPTIONS count as they do for its client, and what the URL says itself counts first."""
    url, options, whole, number = OPTIONS[way]
    assert script_brokers.with_options(url, options) == whole
    assert script_brokers.database_number(whole) == number
