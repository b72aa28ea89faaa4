# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""uWSGI's Emperor: which process is one, which folders it watches, and its vassals (uwsgi-docs, The uWSGI Emperor)."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

_LINE = re.compile(r"^\s*([\w-]+)\s*[=:]\s*(.+?)\s*$", re.MULTILINE)
_VASSALS = ("*.ini", "*.xml", "*.yml", "*.yaml", "*.json")
_FILES = ("--ini", "-i", "--yaml", "-y", "--json", "-j", "--xml", "-x")
SOCKETS = {
    "http-socket": "http",
    "http": "http",
    "socket": "uwsgi",
    "uwsgi-socket": "uwsgi",
    "fastcgi-socket": "fastcgi",
}


def watched(words: list[str]) -> list[str]:
    """The folders and patterns that an Emperor watches, by its command line or the file that this names; else none.

    Of an Emperor that reads something else than files (a database, a queue) none is known.
    """
    if not words or not os.path.basename(words[0]).startswith("uwsgi"):
        return []
    pairs = list(zip(words, [*words[1:], ""]))
    found = [value for word, value in pairs if word == "--emperor"]
    found += [word.partition("=")[2] for word in words if word.startswith("--emperor=")]
    files = [value for word, value in pairs if word in _FILES] + [
        word.partition("=")[2] for word in words if word.partition("=")[0] in _FILES
    ]
    files += [word for word in words[1:] if word.startswith("/") and word.endswith(tuple(_VASSALS[0][1:].split()))]
    found += [value for file in files if os.path.isabs(file) for value in options(file).get("emperor", [])]
    return [value for value in dict.fromkeys(found) if value.startswith("/")]


def is_emperor(words: list[str]) -> bool:
    """Whether a command line is an Emperor's; it runs apps of others, and is none."""
    return bool(watched(words)) or any(word == "--emperor" or word.startswith("--emperor=") for word in words[1:])


def vassals(patterns: list[str]) -> list[str]:
    """The files of the vassals in these folders, or that these patterns match."""
    places = [os.path.join(item, name) for item in patterns if os.path.isdir(item) for name in _VASSALS]
    return sorted({path for place in [*places, *patterns] for path in glob.glob(place) if os.path.isfile(path)})


def vassal_of(words: list[str]) -> str:
    """The name of the file that a vassal was started with; empty where none is named."""
    named = [value for word, value in zip(words, words[1:]) if word in _FILES]
    return os.path.basename(named[-1]) if named else ""


def options(path: str) -> dict[str, list[str]]:
    """The options of an INI or YAML file, each with all of its values; none where it cannot be read.

    uWSGI's own `%n`, a file's name without its ending, is put in; values with other variables of its own are left out.
    """
    try:
        text = safe_files.text(path)
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    name = os.path.splitext(os.path.basename(path))[0]
    for option, value in _LINE.findall(re.sub(r"^\s*[;#].*$", "", text, flags=re.MULTILINE)):
        value = value.replace("%n", name).strip("'\"")
        if "%" not in value:
            found.setdefault(option, []).append(value)
    return found


def facts(path: str) -> dict[str, Any]:
    """{user, folder, binds, protocol} of a vassal's file; the protocol is that of the first of them."""
    known = options(path)

    def first(*names: str) -> str:
        return next((known[name][0] for name in names if known.get(name)), "")

    binds = [value for name in SOCKETS for value in known.get(name, [])]
    return {
        "user": first("uid"),
        "folder": first("chdir", "chdir2"),
        "binds": [f"0.0.0.0{text}" if text.startswith(":") else text for text in binds],
        "protocol": next((spoken for name, spoken in SOCKETS.items() if known.get(name)), ""),
    }
