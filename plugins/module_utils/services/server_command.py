# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app server's own command line, changed so that it listens on a socket of ours, away from the running one.

Only options that say where it listens, or send it into the background, are taken out; all others, known or not, stay
as they are and where they are, so that the server itself says what is wrong with them. Pure.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config, gunicorn_options

# What a later option of ours does not undo: one that may be given more than once, and flags.
_GUNICORN_DROPS = ("bind", "daemon", "reload", "reuse_port")
# The options that other servers have for the same, with a value and without. Their parsers take no abbreviations.
_OTHERS_WITH_VALUE = {
    "uvicorn": ("--host", "--port", "--uds", "--fd", "--workers", "--reload-dir", "--reload-include"),
    "hypercorn": ("-b", "--bind", "--insecure-bind", "--quic-bind", "-w", "--workers", "-p", "--pid"),
    "daphne": ("-b", "--bind", "-p", "--port", "-u", "--unix-socket", "--fd", "-e", "--endpoint"),
}
_OTHERS_FLAGS = {"uvicorn": ("--reload",), "hypercorn": ("-D", "--daemon", "--reload"), "daphne": ()}
_PRIVATE = {
    "uvicorn": ("--uds", "{socket}"),
    "hypercorn": ("--bind", "unix:{socket}", "--workers", "1"),
    "daphne": ("-u", "{socket}"),
}
# The first gunicorn with a control server, which puts a socket where the running one has its own.
_CONTROLLED = 25


@dataclass(frozen=True)
class _Table:
    """The options of a server: which take a value. dropped: those that are taken out, as they may be spelt."""

    with_value: frozenset[str]
    flags: frozenset[str]
    dropped: frozenset[str]
    abbreviates: bool

    def meant(self, word: str) -> str:
        """The long option that a word means; empty where it means none, or more than one."""
        known = self.with_value | self.flags
        if word in known or not self.abbreviates:
            return word if word in known else ""
        close = [name for name in known if name.startswith(word) and name.startswith("--")]
        return close[0] if len(close) == 1 else ""


def position(words: list[str]) -> int:
    """Where the app server's own name stands in a command line that starts nothing but it; -1 where there is none.

    Behind an interpreter it is the module that -m names; a shell, or a script of the user's, starts anything.
    """
    for index, word in enumerate(words[:4]):
        if gunicorn_config.server_name([word]) and " " not in word:
            return index
    return -1


def for_trial(words: list[str], socket: str, version: int) -> list[str]:
    """The command line for a shadow start: on the Unix socket `socket`, one worker, a pid file of its own, its log to
    standard error.

    words: as position() accepts them. version: gunicorn's major version, 0 where it is not known. Raises ValueError
    where the server is not known, or the line is such that it is not known what is an option.
    """
    at = position(words)
    server = gunicorn_config.server_name(words[at : at + 1]) if at >= 0 else ""
    if server != "gunicorn" and server not in _PRIVATE:
        raise ValueError(f"it is started through {words[0] if words else 'nothing'}")
    if "--" in words[at + 1 :]:
        raise ValueError("its options end with --")
    own, rest = words[: at + 1], list(_without(words[at + 1 :], _table(server)))
    if server != "gunicorn":
        return [*own, *rest, *(word.format(socket=socket) for word in _PRIVATE[server])]
    # A configuration file may name a pid file and a log too, and empty names would not do.
    private = ["--bind", f"unix:{socket}", "--pid", f"{socket}.pid", "--workers", "1", "--graceful-timeout", "1"]
    private += ["--error-logfile", "-", "--access-logfile", os.devnull]
    return [*own, *rest, *private, *(["--no-control-socket"] if version >= _CONTROLLED else [])]


def _table(server: str) -> _Table:
    if server != "gunicorn":
        named, flags = frozenset(_OTHERS_WITH_VALUE[server]), frozenset(_OTHERS_FLAGS[server])
        return _Table(named, flags, named | flags, abbreviates=False)
    valued = {**gunicorn_options.WITH_VALUE, **gunicorn_options.REPEATED}
    with_value = frozenset(option for options in valued.values() for option in options.split())
    flags = frozenset(option for options in gunicorn_options.FLAGS.values() for option in options.split())
    spelt = {**valued, **gunicorn_options.FLAGS}
    dropped = frozenset(option for name in _GUNICORN_DROPS for option in spelt.get(name, "").split())
    return _Table(with_value, flags, dropped, abbreviates=True)


def _without(words: Iterable[str], table: _Table) -> Iterator[str]:
    """The words without the dropped options and their values."""
    given = iter(words)
    for word in given:
        if word.startswith("--"):
            name, equals, _value = word.partition("=")
            option = table.meant(name)
            kept = [word]
            if option in table.with_value and not equals:
                kept += [value for value in [next(given, None)] if value is not None]
            yield from () if option in table.dropped else kept
        elif word.startswith("-") and len(word) > 1:
            yield from _short(word, given, table)
        else:
            yield word


def _short(word: str, given: Iterator[str], table: _Table) -> Iterator[str]:
    """Of a word of short options those that stay: flags may stand together, and a value may follow without a blank."""
    left = word[1:]
    while left:
        option, left = f"-{left[0]}", left[1:]
        if option not in table.with_value:
            if option not in table.dropped:
                yield option if option in table.flags else option + left
            left = left if option in table.flags else ""
            continue
        value = left or next(given, None)
        if option not in table.dropped:
            yield option
            if value is not None:
                yield value
        return
