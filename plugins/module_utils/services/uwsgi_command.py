# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""uWSGI's own command line and INI file, changed so that it listens on a socket of ours, away from the running one.

Only what says where it listens and writes, how many processes there are, and what else it would start, is taken out;
all other options, known or not, stay, so that uWSGI itself says what is wrong with them. Pure.
Source: uwsgi-docs, Options and Configuring uWSGI.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

# All of these take a value.
_VALUED = (
    "socket uwsgi-socket http http-socket http11-socket http-to https https-socket fastcgi-socket scgi-socket"
    " raw-socket shared-socket undeferred-shared-socket chown-socket stats stats-server processes workers cheaper"
    " cheaper-initial cheaper-step cheaper-algo daemonize daemonize2 pidfile pidfile2 safe-pidfile safe-pidfile2"
    " logto logto2 logger req-logger log-socket master-fifo spooler spooler-processes mules cron attach-daemon"
    " attach-daemon2 smart-attach-daemon smart-attach-daemon2 subscribe-to subscribe2 snmp touch-reload"
    " touch-chain-reload touch-workers-reload py-autoreload"
)
_DROPPED = frozenset(_VALUED.split())
# Of these the value may be missing; it is then no word of its own.
_DROPPED_OPTIONAL = frozenset(("chmod-socket", "mule"))
_SHORT_DROPPED = ("-s", "-p", "-d")
# Short options without a value, behind which others may stand in the same word.
_SHORT_FLAGS = "MTimnL"
# What starts others' apps, or reads its options elsewhere.
_ELSEWHERE = ("emperor", "zerg", "yaml", "yml", "json", "xml", "sqlite3", "ldap", "lua-config", "include", "inherit")
_OPTION = re.compile(r"^\s*([\w-]+)\s*=")
_MAGIC = re.compile(r"%([^(])")


def for_trial(words: list[str], socket: str, copy: str, by_uwsgi: bool) -> tuple[list[str], str]:
    """(the options for a shadow start, the path of the INI file of which `copy` is the changed one; empty without one).

    words: behind uWSGI's own name. socket: on which it listens. by_uwsgi: whether it speaks its own
    protocol there, and not HTTP. Raises ValueError where it is not known what would be started.
    """
    kept, files = list[str](), list[str]()
    for word in _without(words):
        if word.startswith("ini="):
            files.append(word.partition("=")[2])
        else:
            kept.append(word)
    if len(files) > 1:
        raise ValueError("it is configured by several files")
    private = ["--socket" if by_uwsgi else "--http-socket", socket, "--processes", "1", "--disable-logging"]
    return [*(["--ini", copy] if files else []), *kept, *private], "".join(files)


def _without(words: list[str]) -> Iterator[str]:
    """The words without the dropped options and their values; `ini=PATH` for what names an INI file."""
    given = iter(words)
    for word in given:
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("--") or (equals and not word.startswith("-")):
            if name in _ELSEWHERE:
                raise ValueError(f"uWSGI reads more by {name}")
            if not equals and (name in _DROPPED or name == "ini"):
                value = next(given, "")
            if name == "ini":
                yield _ini(value)
            elif name not in _DROPPED | _DROPPED_OPTIONAL:
                yield word
        elif word[:2] in _SHORT_DROPPED:
            if len(word) == len("-s"):
                next(given, None)
        elif word[:1] == "-" and word[1:2] in _SHORT_FLAGS and len(word) > len("-s"):
            raise ValueError(f"it is not known what {word} means")
        elif word.endswith(".ini") or ".ini:" in word:
            yield _ini(word)
        elif os.path.splitext(word)[1] in (".yml", ".yaml", ".json", ".xml"):
            raise ValueError("it is not configured by an INI file")
        elif not word.startswith("-C"):
            yield word


def _ini(path: str) -> str:
    if not path.endswith(".ini") or path.startswith(("http", "exec", "fd:", "data:", "sym:", "section:")):
        raise ValueError("uWSGI reads its options elsewhere than in an INI file")
    return f"ini={path}"


def changed(text: str, path: str) -> str:
    """An INI file without the dropped options; of uWSGI's own variables those that name the file are put in.

    Raises ValueError as for_trial().
    """
    base = os.path.basename(path)
    magic = {"p": path, "s": base, "n": os.path.splitext(base)[0], "d": os.path.dirname(path) + "/", "%": "%%"}
    lines = list[str]()
    for line in text.splitlines():
        if line.lstrip()[:1] in (";", "#"):
            continue
        option = match.group(1) if (match := _OPTION.match(line)) else ""
        if option in _ELSEWHERE or option == "ini":
            raise ValueError(f"uWSGI reads more by {option}")
        if option in _DROPPED | _DROPPED_OPTIONAL:
            continue
        if unknown := [letter for letter in _MAGIC.findall(line) if letter not in magic]:
            raise ValueError(f"it is not known what %{unknown[0]} means in its file")
        lines.append(_MAGIC.sub(lambda found: magic[found.group(1)], line))
    return "\n".join([*lines, ""])
