# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: whether caches and brokers answer.

Each that the settings name is connected to, and asked what changes nothing: Redis to let the app in, for its database
by number, and whether it takes writes (AUTH, PING, SELECT and INFO of its protocol, RESP 2), memcached for its version,
a broker of AMQP 0-9-1 to let the app into its virtual host (script_amqp.py). Of an address neither user nor password is
kept.
"""

from __future__ import annotations

import socket
import sys
import time
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_amqp import amqp_refusal

BROKER_SECONDS = 1.5
MOST_BROKERS = 8
BROKER_PORTS = {"redis": 6379, "memcached": 11211, "amqp": 5672}
BROKER_SCHEMES = {"redis": "redis", "rediss": "redis", "unix": "redis", "amqp": "amqp", "pyamqp": "amqp"}


def ask_brokers(plan):
    """{setting, kind, address, problem} of each, where a step has failed or the site is not well; problem is empty of
    one that answers.
    """
    if not (plan.get("failed") or plan.get("unwell")):
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
                    yield from of_url("CACHES['" + alias + "']", with_options(url, cache.get("OPTIONS") or {}))
    for name in ("CELERY_BROKER_URL", "BROKER_URL", "CELERY_RESULT_BACKEND", "REDIS_URL"):
        yield from of_url(name, getattr(settings, name, None))
    for layer in (getattr(settings, "CHANNEL_LAYERS", None) or {}).values():
        for host in (layer.get("CONFIG") or {}).get("hosts", []):
            host = host.get("address") if isinstance(host, dict) else host
            url = "redis://{}:{}".format(*host) if isinstance(host, (tuple, list)) and len(host) == 2 else host
            yield from of_url("CHANNEL_LAYERS", url)
    if "celery" in sys.modules:
        yield from of_url("Celery's broker_url", getattr(sys.modules["celery"].current_app.conf, "broker_url", None))


def with_options(url, options):
    """The URL of a Redis cache with what else the settings say of it: user, password and the number of its database."""
    given = {str(name).lower(): value for name, value in options.items()}
    head, mark, rest = url.partition("://")
    if mark and given.get("password") and "@" not in rest:
        user = quote(str(given.get("username") or ""), safe="")
        rest = user + ":" + quote(str(given["password"]), safe="") + "@" + rest
    if mark and given.get("db") is not None and database_number(head + mark + rest) is None:
        rest += ("&" if "?" in rest else "?") + urlencode({"db": given["db"]})
    return head + mark + rest


def database_number(url):
    """The number of a Redis database as its client reads it of a URL (redis.connection.parse_url); None without one."""
    parts = urlsplit(url)
    named = parse_qs(parts.query).get("db") or ([] if parts.scheme == "unix" else [parts.path.strip("/")])
    return named[0] if named and named[0] else None


def of_url(setting, url):
    """[(setting, kind, url)] of a broker's URL, its kind by the scheme; empty for another scheme."""
    kind = BROKER_SCHEMES.get(str(url or "").partition("://")[0])
    return [(setting, kind, str(url))] if kind else []


def ask_broker(setting, kind, url):
    """What one of them says. Its password is given to it where the URL has one, and is not kept."""
    try:
        parts = urlsplit(url)
        path, host, port = parts.path if parts.scheme == "unix" else "", parts.hostname or "localhost", parts.port
    except ValueError:
        return {"setting": setting, "kind": kind, "address": "", "problem": "that is not a valid address"}
    place = (host, port or BROKER_PORTS[kind])
    try:
        problem = broker_problem(kind, path or place, url, parts)
    except OSError as error:
        problem = (
            "no answer within {:g} s".format(BROKER_SECONDS) if is_timeout(error) else error.strerror or str(error)
        )
    except ValueError:
        problem = NOT_ONE.format(kind)
    return {"setting": setting, "kind": kind, "address": path or "{}:{}".format(*place), "problem": problem}


NOT_ONE = "what listens there does not answer as {} does"


def is_timeout(error):
    """Whether an exception says that no answer came in time; before Python 3.10 it is not TimeoutError."""
    return isinstance(error, socket.timeout)


def connected(place):
    """A connection to a socket's file, or to a host and port. Raises OSError."""
    if isinstance(place, tuple):
        return socket.create_connection(place, BROKER_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(BROKER_SECONDS)
    connection.connect(place)
    return connection


def broker_problem(kind, place, url, parts):
    """Why it does not serve the app; empty where it does. Raises OSError, ValueError where it is not of that kind."""
    if kind == "redis":
        return redis_problem(place, url, parts)
    with connected(place) as connection, connection.makefile("rb") as answers:
        if kind == "amqp":
            # Without a name in the URL the client gives the one that brokers are delivered with.
            user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
            return amqp_refusal(connection, answers, user, password, unquote(parts.path[1:]) or "/")
        connection.sendall(b"version\r\n")
        if not answers.readline(200).startswith(b"VERSION"):
            raise ValueError(kind)
    return ""


def redis_problem(place, url, parts):
    """Why Redis does not serve the app; empty where it does. Raises OSError, ValueError where it is not Redis."""
    with connected(place) as connection:
        if parts.scheme == "rediss":
            return ""  # whom to trust is for its client to say
        with connection.makefile("rb") as answers:
            if parts.password:
                words = [unquote(word) for word in (parts.username, parts.password) if word]
                refused = redis_said(connection, answers, "AUTH", *words)[0]
                # One without any password takes none, and the app comes in all the same.
                if refused and "without any password configured" not in refused:
                    return refused
            refused, said = redis_said(connection, answers, "PING")
            if refused or said != b"PONG":
                return refused or NOT_ONE.format("redis")
            number = database_number(url) or "0"
            refused = redis_said(connection, answers, "SELECT", number)[0] if number != "0" else ""
            return "database " + number + ": " + refused if refused else takes_no_writes(connection, answers)


def redis_said(connection, answers, *words):
    """(its error, its answer) to a command, of which one is empty. Raises OSError, ValueError where it is not RESP."""
    parts = [word.encode() for word in words]
    sent = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    connection.sendall(b"*%d\r\n" % len(parts) + sent)
    line = answers.readline(2000).rstrip(b"\r\n")
    if line[:1] == b"-":
        return line[1:].decode("ascii", "replace")[:200], b""
    if line[:1] == b"$":
        return "", answers.read(int(line[1:]) + 2)[:-2]
    if line[:1] != b"+":
        raise ValueError(line)
    return "", line[1:]


def takes_no_writes(connection, answers):
    """Why Redis takes no writes now, by what it says of itself; empty where it does, or does not say."""
    try:
        _refused, text = redis_said(connection, answers, "INFO")
    except (OSError, ValueError):
        return ""
    lines = [line.partition(":") for line in text.decode("ascii", "replace").splitlines()]
    says = {name: value for name, _colon, value in lines}
    if says.get("role") == "slave" and says.get("slave_read_only") == "1":
        return "it is a replica of {}, and takes no writes".format(says.get("master_host", "another one"))
    most, used = int(says.get("maxmemory") or 0), int(says.get("used_memory") or 0)
    if most and used >= most and says.get("maxmemory_policy") == "noeviction":
        return "its memory is full: it has {} of {} bytes (maxmemory, noeviction), and takes no writes".format(
            used, most
        )
    if says.get("rdb_last_bgsave_status") == "err":
        return "it could not save to its disk, and takes no writes (stop-writes-on-bgsave-error)"
    return ""
