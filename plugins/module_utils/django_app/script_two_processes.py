# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what two processes of the app do not share.

A key that each of them makes for itself, and sessions that stay in the memory of one: Django raises nothing, and takes
the visitor of the one process for a stranger in the other.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import socket

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_unset_variables import unset_for

TWIN_SECONDS = 3.0


class Twin:
    """A process like this one, in which something is done when it is asked for; it ends with that, or with this one."""

    def __init__(self, function, others=()):
        """others: files that it does not keep open. function(word) gives what it answers, as JSON takes it."""
        self.line, there = socket.socketpair()
        self.line.settimeout(TWIN_SECONDS)
        try:
            if os.fork():
                there.close()
                return
        except OSError:  # such as a limit of processes: it never answers
            self.line.close()
            return
        try:
            self.line.close()
            for file in others:
                os.close(file.fileno())
            word = there.recv(4096)
            if word:
                there.sendall(json.dumps(function(word.decode())).encode())
        finally:
            os._exit(0)

    def ask(self, word):
        """What function(word) gives there; None where it did not end well, or not in time."""
        try:
            self.line.sendall(word.encode())
            return json.loads(self.line.recv(4096).decode())
        except (OSError, ValueError):
            return None
        finally:
            self.line.close()


def digest(salt):
    """Of SECRET_KEY, which itself stays in this process."""
    from django.conf import settings

    key = settings.SECRET_KEY
    return hashlib.sha256(salt.encode() + (key if isinstance(key, bytes) else str(key).encode())).hexdigest()


def compare_processes(plan):
    """{key_varies, key_unset, sessions_stay}; what was not asked is not there.

    key_varies: whether two processes read another SECRET_KEY each, key_unset: the variables that it depends on and that
    are not set; sessions_stay: the cache in which sessions are kept, where one process does not find another's.
    """
    if plan["failed"]:
        return {}
    return dict(compare_keys(plan), **compare_sessions())


def compare_keys(plan):
    """Not asked where the site is not well, nor of a key that the environment gave this process: it gives it to all."""
    from django.conf import settings

    if plan.get("unwell", True) or not settings.SECRET_KEY or settings.SECRET_KEY in plan["given"]:
        return {}
    salt = os.urandom(16).hex()
    other = plan["twin"].ask(salt)
    if not other:
        return {}
    varies = other != digest(salt)
    return {"key_varies": varies, "key_unset": unset_for("SECRET_KEY") if varies else []}


def compare_sessions():
    """Tried only where sessions are kept in a cache that is in memory alone, or in none: a trial's leaves nothing."""
    from django.conf import settings
    from django.core.cache import caches
    from django.core.cache.backends.dummy import DummyCache
    from django.core.cache.backends.locmem import LocMemCache

    if not any(name.endswith(".SessionMiddleware") for name in settings.MIDDLEWARE):
        return {}
    store = importlib.import_module(settings.SESSION_ENGINE).SessionStore
    cache = caches[settings.SESSION_CACHE_ALIAS]
    in_cache = any(base.__module__ == "django.contrib.sessions.backends.cache" for base in store.__mro__)
    if not in_cache or not isinstance(cache, (DummyCache, LocMemCache)):
        return {}
    twin = Twin(lambda key: store(key).exists(key))
    session = store()
    session["rescue502"] = True
    session.save()
    found = twin.ask(session.session_key)
    session.delete()
    return {} if found is not False else {"sessions_stay": "{0.__module__}.{0.__qualname__}".format(type(cache))}
