# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PostgreSQL says, in English: its log and its answers are in the language that `lc_messages` names.

initdb takes that from the system, so on a French host the server says `la relation « shop » n'existe pas`. Its own
catalogues hold each message with its translation, and give the English one back. Nothing is loaded where the servers of
this host speak English, or where it is not known what they speak. What is not in a catalogue stays as it is. Sources:
postgresql.org/docs/current/nls-translator.html, config-setting.html; elog.c, "send_message_to_server_log".
"""

from __future__ import annotations

import errno
import functools
import glob
import os
import re
import threading
from collections.abc import Iterable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.services import catalogue_files, postgresql_files
from ansible_collections.rescue502.django.plugins.module_utils.services.message_catalogue import Catalogue

# The largest catalogue of PostgreSQL 18's has 1.1 MiB.
MOST_BYTES = 8 * 2**20
# More of a text is not looked into.
MOST_LINES = 1000
_SETTING = re.compile(r"(?im)^[ \t]*lc_messages(?:[ \t]*=[ \t]*|[ \t]+)(?:'([^'\n]*)'|([^\s'#]+))")
# `fr_FR.UTF-8`, `sr@latin`; of others, such as C, POSIX and `french`, the language is English or not known.
_LOCALE = re.compile(r"([a-z]{2,3})(_[A-Z]{2})?(?:\.[\w-]+)?(@\w+)?")
_VERSION = re.compile(r"\d+(?:\.\d+)?")
# The server, libpq in the app, and pg_ctl, which starts the server.
TOPS = ("/usr/share/locale", "/usr/pgsql-{version}/share/locale")
_PROGRAMS = ("postgres", "libpq5", "pg_ctl")
_SEVERITIES = ("DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "ERROR", "FATAL", "PANIC")
_LABELS = ("DETAIL:  ", "HINT:  ", "QUERY:  ", "CONTEXT:  ", "STATEMENT:  ", "BACKTRACE:  ")
_TAIL = " at character %d"
# Collectors run in threads, and one of them is to load a catalogue for all.
_LOADING = threading.Lock()


def english(text: str, unit: str = "") -> str:
    """A text of a server's on this host, in English. unit: what runs it, where that is known."""
    return "\n".join(lines(text.split("\n"), unit))


def lines(said: list[str], unit: str = "") -> list[str]:
    """The same of lines, of which the last MOST_LINES are looked into; a message of several lines becomes one."""
    return [line for _number, line in numbered(said, unit)]


def numbered(said: list[str], unit: str = "") -> list[tuple[int, str]]:
    """The same, each with its place among the lines that were given."""
    found = list(enumerate(said))
    for catalogue in _catalogues(unit) if said else ():
        earlier, latest = found[:-MOST_LINES], found[-MOST_LINES:]
        translated = catalogue.lines([line for _number, line in latest])
        found = [*earlier, *((latest[place][0], line) for place, line in translated)]
    return found


def errors(part: Any, unit: str = "") -> Any:
    """A tree of facts, in which the message of each exception, that is of what has a type too, is in English."""
    catalogues = _catalogues(unit)
    return _errors(part, catalogues) if catalogues else part


def _errors(part: Any, catalogues: list[Catalogue]) -> Any:
    if isinstance(part, list):
        return [_errors(item, catalogues) for item in part]
    if not isinstance(part, dict):
        return part
    found = {name: _errors(item, catalogues) for name, item in part.items()}
    if isinstance(message := found.get("message"), str) and isinstance(found.get("type"), str):
        for catalogue in catalogues:
            message = catalogue.english(message)
        found["message"] = message
    return found


def _catalogues(unit: str) -> list[Catalogue]:
    spoken = dict.fromkeys(languages(unit))
    with _LOADING:
        return [found for one in spoken if (found := _loaded(*one)) is not None]


def languages(unit: str = "") -> list[tuple[str, str]]:
    """(version, locale) of each server on this host that speaks another language than English, as configured."""
    found = []
    for version, configuration in _configurations(unit):
        match = _LOCALE.fullmatch(_lc_messages(configuration))
        if match and match.group(1) != "en" and _VERSION.fullmatch(version):
            found.append((version, "".join(part for part in match.groups() if part)))
    return found


def _configurations(unit: str) -> list[tuple[str, list[str]]]:
    """(version, its files, of which the last counts) of each server that has files on this host."""
    found = []
    for path in sorted(glob.glob("/etc/postgresql/*/*/postgresql.conf")):
        folder = os.path.dirname(path)
        version, cluster = folder.split("/")[-2:]
        found.append((version, _files(folder, postgresql_files.of_cluster(version, cluster))))
    for folder in [] if found else postgresql_files.data_folders([], unit):
        found.append((_text(os.path.join(folder, "PG_VERSION")).strip(), _files(folder, folder)))
    return found


def _files(folder: str, data: str) -> list[str]:
    more = sorted(glob.glob(os.path.join(glob.escape(folder), "conf.d", "*.conf")))
    # ALTER SYSTEM writes the last.
    return [os.path.join(folder, "postgresql.conf"), *more, os.path.join(data, "postgresql.auto.conf")]


def _lc_messages(paths: Iterable[str]) -> str:
    """The setting as these files leave it; empty where none has it, or it is left to the server's environment."""
    found = [match for path in paths for match in _SETTING.findall(_text(path))]
    return (found[-1][0] or found[-1][1]) if found else ""


@functools.cache
def _loaded(version: str, locale: str) -> Catalogue | None:
    """The catalogues of a version in a language, as one; None where there is none that nobody but root can write."""
    pairs = [pair for program in _PROGRAMS for pair in _messages(f"{program}-{version}", version, locale)]
    if not pairs:
        return None
    translations = {original[0]: translation for original, translation in pairs}
    labels = {f"{translations.get(word, word)}:  ": f"{word}:  " for word in reversed(_SEVERITIES)}
    labels.update({translations.get(label, label): label for label in _LABELS})
    own = {os.strerror(number) for number in errno.errorcode}
    kernel = {said: original[0] for original, said in _messages("libc", version, locale) if original[0] in own}
    return Catalogue(pairs, labels, kernel, (translations.get(_TAIL, ""), _TAIL))


def _messages(name: str, version: str, locale: str) -> list[tuple[tuple[str, ...], str]]:
    """The messages of a catalogue in a language, else in that of no country; none where that is not there."""
    for language in dict.fromkeys((locale, re.sub("_[A-Z]+", "", locale), locale.partition("@")[0], locale[:2])):
        for top in TOPS:
            path = f"{top.format(version=version)}/{language}/LC_MESSAGES/{name}.mo"
            if os.path.exists(path) and not write_access.on_the_way(path, 0):
                try:
                    return list(catalogue_files.messages(safe_files.read_bytes(os.path.realpath(path), MOST_BYTES)))
                except (OSError, ValueError):
                    continue
    return []


def _text(path: str) -> str:
    try:
        return safe_files.text(path)
    except OSError:
        return ""
