# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of an app's files of requirements is the one in use: the one whose pins agree with what is installed.

A checkout may hold several, such as an old requirements.txt next to the production.txt that is deployed. What was
installed says which. Source: pip.pypa.io, "Requirements File Format"; PEP 440, PEP 503, PEP 508.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

# The usual names first: where nothing distinguishes two files, the first one is shown.
USUAL = ("requirements.txt", "requirements/production.txt", "requirements/prod.txt", "requirements/base.txt")
PROJECT = "pyproject.toml"
FOLDERS = ("", "requirements", "requirements.d", "reqs", "deps")
MOST_FILES = 30
MOST_TEXTS = 60
_BY_NAME = re.compile(r"(?i)requirements?|reqs")
_NO_CANDIDATE = re.compile(r"(?i)constraint")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)$")
_PIN = re.compile(r"^===?\s*([^\s,;*]+)\s*(;.*)?$")
_REST = re.compile(r"^(?:$|[=<>~!;@(])")


@dataclass(frozen=True)
class Choice:
    """An app's files of requirements, the one that fits best first, and whether that is shown to be the one in use.

    conflicts: packages that are installed in another version than that file pins.
    """

    paths: list[str]
    proved: bool
    conflicts: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The file in use; empty where the app has none."""
        return self.paths[0] if self.paths else ""


def canonical(name: str) -> str:
    """A package's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def candidates(root: str) -> list[str]:
    """The files that may name the requirements of the app in `root`: there, or above it in the same checkout."""
    folder = root
    while folder not in ("", "/"):
        if found := _in_folder(folder):
            return found
        if os.path.isdir(os.path.join(folder, ".git")):
            break
        folder = os.path.dirname(folder)
    return []


def _in_folder(folder: str) -> list[str]:
    usual = [os.path.join(folder, name) for name in USUAL]
    found = [path for part in FOLDERS for path in glob.glob(os.path.join(glob.escape(folder), part, "*.txt"))]
    # A folder may hold very many texts: those with a telling name are looked at first.
    names = sorted(found, key=lambda path: (not _BY_NAME.search(os.path.relpath(path, folder)), path))[:MOST_TEXTS]
    texts = [path for path in dict.fromkeys([*usual, *names]) if os.path.isfile(path) and _is_candidate(path, folder)]
    project = os.path.join(folder, PROJECT)
    declares = os.path.isfile(project) and re.search(r"(?m)^\[project\]", _text(project))
    return [*texts[:MOST_FILES], *([project] if declares else [])]


def _is_candidate(path: str, folder: str) -> bool:
    """Whether a file is one of requirements: by its name or its folder's, else by what all of its lines are."""
    name = os.path.relpath(path, folder)
    if _NO_CANDIDATE.search(name):
        return False
    if _BY_NAME.search(name):
        return True
    found = lines(path, folder)
    are_requirements = [match and _REST.match(match.group(2)) for match in map(_REQUIREMENT.match, found)]
    return bool(pins(found)) and all(are_requirements)


def lines(path: str, top: str) -> list[str]:
    """The requirements in a file and in those of the same checkout that it includes, without options and comments."""
    found: list[str] = []
    _add_lines(path, os.path.realpath(top), found, set())
    return found


def _add_lines(path: str, top: str, found: list[str], seen: set[str]) -> None:
    path = os.path.normpath(path)
    if path in seen or not os.path.realpath(path).startswith(top + os.sep):
        return
    seen.add(path)
    for line in _text(path).replace("\\\n", " ").splitlines():
        text = re.split(r"(?:^|\s)#|\s--hash", line)[0].strip()
        if included := re.match(r"^(?:-r\s*|--requirement[\s=]+)(\S+)", text):
            _add_lines(os.path.join(os.path.dirname(path), included.group(1)), top, found, seen)
        elif text and not text.startswith("-"):
            found.append(text)


def _text(path: str) -> str:
    try:
        return safe_files.text(path)
    except OSError:
        return ""


def pins(found: list[str]) -> dict[str, str]:
    """The exact versions that requirements name, by package. Those under a condition are left out: it may not hold."""
    matched = [(match.group(1), _PIN.match(match.group(2))) for match in map(_REQUIREMENT.match, found) if match]
    return {canonical(name): pin.group(1) for name, pin in matched if pin and not pin.group(2)}


def is_same(version: str, other: str) -> bool:
    """Whether two versions are the same one: zeros at the end and letters' case make no difference (PEP 440)."""

    def plain(text: str) -> str:
        return re.sub(r"(\.0+)+(?=$|[^\d.])", "", text.strip().lower())

    return plain(version) == plain(other)


def choose(
    root: str, installed: dict[str, str], is_missing: Callable[[str], bool] | None = None, given: str = ""
) -> Choice:
    """The file of requirements in use. installed: versions by canonical name; empty where that is not known.

    is_missing: whether a package may be the one that the app fails for want of: a file that names such a one goes
    before all others. given: the one that the user says is in use. The choice is shown where there is no other file, or
    where it fits what is installed better than all others, but for those whose pins are all among its own.
    """
    if given:
        return Choice([given], proved=True)
    files = {path: lines(path, _top(path, root)) for path in candidates(root)}
    naming = {path: found for path, found in files.items() if is_missing and any(map(is_missing, names(found)))}
    named = {path: pins(found) for path, found in (naming or files).items()}
    if not named:
        return Choice([], False)
    fits = {path: _fit(named[path], installed) for path in named}
    best = sorted(named, key=lambda path: (len(fits[path].conflicts), fits[path].missing, -fits[path].agree))
    path = best[0]
    rivals = [other for other in best[1:] if not named[other].items() <= named[path].items()]
    fitting = all(fits[other].bad > fits[path].bad for other in rivals) and bool(installed or not rivals)
    proved = fitting and (not installed or not named[path] or fits[path].agree > fits[path].bad)
    return Choice([*best, *(other for other in files if other not in best)], proved, fits[path].conflicts)


def names(found: list[str]) -> list[str]:
    """The packages that requirements name."""
    return [canonical(match.group(1)) for match in map(_REQUIREMENT.match, found) if match]


def _top(path: str, root: str) -> str:
    """The folder that included files must lie in: the checkout's, else the app's."""
    folder = os.path.dirname(path)
    while folder not in ("", "/"):
        if os.path.isdir(os.path.join(folder, ".git")):
            return folder
        folder = os.path.dirname(folder)
    return root if path.startswith(os.path.join(root, "")) else os.path.dirname(path)


@dataclass(frozen=True)
class _Fit:
    """How a file fits what is installed: pins that agree, and those that do not or are not installed."""

    agree: int
    conflicts: list[str]
    missing: int

    @property
    def bad(self) -> int:
        return len(self.conflicts) + self.missing


def _fit(named: dict[str, str], installed: dict[str, str]) -> _Fit:
    there = {name: version for name, version in named.items() if name in installed}
    conflicts = sorted(name for name, version in there.items() if not is_same(version, installed[name]))
    return _Fit(len(there) - len(conflicts), conflicts, len(named) - len(there))
