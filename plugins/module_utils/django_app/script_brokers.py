# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: whether caches and brokers answer.

Each that the settings name is connected to, and asked what anybody may ask: PING of Redis (the inline commands of its
protocol, RESP), the version of memcached, the header of AMQP 0-9-1. Of an address neither user nor password is kept.
"""

from __future__ import annotations

import socket
import sys
import time
from urllib.parse import unquote, urlsplit

BROKER_SECONDS = 1.5
MOST_BROKERS = 8
BROKER_PORTS = {"redis": 6379, "memcached": 11211, "amqp": 5672}
BROKER_SCHEMES = {"redis": "redis", "rediss": "redis", "unix": "redis", "amqp": "amqp", "pyamqp": "amqp"}
BROKER_HELLOS = {"redis": b"PING\r\n", "memcached": b"version\r\n", "amqp": b"AMQP\x00\x00\x09\x01"}
BROKER_ANSWERS = {"redis": b"+PONG", "memcached": b"VERSION", "amqp": b"\x01\x00\x00"}


def ask_brokers(plan):
    """{setting, kind, address, problem} of each, where a step has failed; problem is empty of one that answers."""
    if not plan.get("failed"):
        return {"found": []}
    found, begun = [], time.time()
    for setting, kind, url in list(dict.fromkeys(brokers_named()))[:MOST_BROKERS]:
        if time.time() - begun < 2 * BROKER_SECONDS:
            found.append(ask_broker(setting, kind, url))
    return {"found": found}


def brokers_named():
    """(setting, kind, URL) of what the settings name, and Celery's own configuration."""
    from django.conf import settings

    for alias, cache in (getattr(settings, "CACHES", None) or {}).items():
        places = cache.get("LOCATION") or []
        for place in [places] if isinstance(places, str) else places:
            for url in str(place).split(";" if "memcached" in str(cache.get("BACKEND")).lower() else ","):
                if "memcached" in str(cache.get("BACKEND")).lower() and "://" not in url:
                    yield "CACHES['" + alias + "']", "memcached", "memcached://" + url
                else:
                    yield from of_url("CACHES['" + alias + "']", url)
    for name in ("CELERY_BROKER_URL", "BROKER_URL", "CELERY_RESULT_BACKEND", "REDIS_URL"):
        yield from of_url(name, getattr(settings, name, None))
    for layer in (getattr(settings, "CHANNEL_LAYERS", None) or {}).values():
        for host in (layer.get("CONFIG") or {}).get("hosts", []):
            host = host.get("address") if isinstance(host, dict) else host
            url = "redis://{}:{}".format(*host) if isinstance(host, (tuple, list)) and len(host) == 2 else host
            yield from of_url("CHANNEL_LAYERS", url)
    if "celery" in sys.modules:
        yield from of_url("Celery's broker_url", getattr(sys.modules["celery"].current_app.conf, "broker_url", None))


def of_url(setting, url):
    kind = BROKER_SCHEMES.get(str(url or "").partition("://")[0])
    return [(setting, kind, str(url))] if kind else []


def ask_broker(setting, kind, url):
    """What one of them says. Its password is given to it where the URL has one, and is not kept."""
    try:
        parts = urlsplit(url)
        path, host, port = parts.path if parts.scheme == "unix" else "", parts.hostname or "localhost", parts.port
    except ValueError:
        return {"setting": setting, "kind": kind, "address": "", "problem": "that is not a valid address"}
    port = port or BROKER_PORTS[kind]
    address = path or "{}:{}".format(host, port)
    hello = BROKER_HELLOS[kind]
    if kind == "redis" and parts.password:
        words = [b"AUTH"] + [unquote(word).encode() for word in (parts.username, parts.password) if word]
        hello = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words) + hello
    try:
        problem = broker_problem(kind, path, (host, port), hello, parts.scheme == "rediss")
    except OSError as error:
        problem = (
            "no answer within {:g} s".format(BROKER_SECONDS) if is_timeout(error) else error.strerror or str(error)
        )
    return {"setting": setting, "kind": kind, "address": address, "problem": problem}


def is_timeout(error):
    return isinstance(error, socket.timeout)


def broker_problem(kind, path, place, hello, encrypted):
    """Why what listens there is not the broker that was meant, or refuses; empty where it answers. Raises OSError."""
    if path:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(BROKER_SECONDS)
        connection.connect(path)
    else:
        connection = socket.create_connection(place, BROKER_SECONDS)
    with connection:
        if encrypted:
            return ""  # whom to trust is for its client to say
        connection.sendall(hello)
        answer = b""
        while len(answer) < 200 and BROKER_ANSWERS[kind] not in answer and b"\n-" not in b"\n" + answer:
            more = connection.recv(200)
            if not more:
                break
            answer += more
    if BROKER_ANSWERS[kind] in answer and b"\n-" not in b"\n" + answer:
        return ""
    if kind == "redis" and b"\n-" in b"\n" + answer:
        return (b"\n" + answer).partition(b"\n-")[2].partition(b"\r")[0].decode("ascii", "replace")[:200]
    return "what listens there does not answer as {} does".format(kind)
