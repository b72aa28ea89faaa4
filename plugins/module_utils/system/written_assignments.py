# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables as a person reads them where they are assigned, and not as systemd does. Pure; a value stays on the host.

systemd expands specifiers in Environment= and ExecStart=, takes quotes and backslashes away, and a blank ends a value
(systemd.unit(5), systemd.exec(5)). Of an EnvironmentFile it expands nothing, and a comment must have its own line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

# What of the text systemd reads otherwise.
SPECIFIER, PERCENT, DOLLAR, REFERENCE = "specifier", "percent", "dollar", "reference"
COMMENT, BACKSLASH, QUOTE, BLANK = "comment", "backslash", "quote", "blank"
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.S)
_LINE = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*)")
_WORD = re.compile(r""""[^"]*"(?=\s|$)|'[^']*'(?=\s|$)|\S+""")
_QUOTED = re.compile(r"""(["'])(.*?)\1(\s+#.*)?""")
_SPECIFIER = re.compile(r"%[A-Za-z0-9]")
_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_COMMENT = re.compile(r"(?<!\s)\s+#.*")


@dataclass(frozen=True)
class Reading:
    """One way to read an assignment. kind: what systemd reads otherwise; empty where nothing in it is.

    specifiers: those in it, such as `%h`. alone: whether its line sets nothing else. Without a name it is the empty
    Environment=, which unsets those before it.
    """

    name: str
    value: str
    line: int
    kind: str
    specifiers: tuple[str, ...] = ()
    alone: bool = False


def in_unit(text: str, known: dict[str, str]) -> Iterator[Reading]:
    """Readings of Environment=, and of the words NAME=VALUE of ExecStart=. known: values of variables."""
    lines = text.split("\n")
    for line, setting, rest in _settings(text):
        if setting == "Environment" and not rest:
            yield Reading("", "", line, "")
        elif setting == "Environment":
            assignments = _of_environment(rest)
            for name, value in assignments:
                alone = len(assignments) == 1 and value in lines[line - 1]
                yield from (replace(item, alone=alone) for item in _as_written(name, value, line))
                yield from _expanded(name, value, line, known)
        elif setting == "ExecStart":
            for word in _WORD.findall(rest):
                if match := _ASSIGNMENT.fullmatch(_bare(word.partition("--env=")[2] or word)):
                    yield from _as_written(match.group(1), match.group(2), line, dollars=True)


def in_environment_file(text: str, known: dict[str, str]) -> Iterator[Reading]:
    """Readings of an EnvironmentFile, whose lines other programs read in other ways. known: values of variables."""
    for line, content in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(content)
        if not match:
            continue
        name, raw = match.group(1), match.group(2).strip()
        quoted = _QUOTED.fullmatch(raw)
        plain = quoted.group(2) if quoted else _COMMENT.sub("", raw)
        yield Reading(name, plain, line, "")
        if (quoted and quoted.group(3)) or (not quoted and plain != raw):
            yield Reading(name, plain, line, COMMENT)
        if "\\" in plain:
            yield Reading(name, plain, line, BACKSLASH)
        if not quoted and re.search("[\"']", plain):
            yield Reading(name, plain, line, QUOTE)
            yield Reading(name, re.sub("[\"']", "", plain), line, QUOTE)
        if not raw.startswith("'"):
            yield from _expanded(name, plain, line, known)
        for twice, kind in (("%%", PERCENT), ("$$", DOLLAR)):
            if twice in plain:
                yield Reading(name, plain.replace(twice, twice[0]), line, kind)


def _settings(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, name, value) of each setting in [Service]; lines that go on are joined by a blank, as systemd does."""
    section, first, parts = "", 0, list[str]()
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if parts and line[:1] in ("#", ";"):
            continue
        first = first if parts else number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        joined, parts = " ".join([*parts, line]), []
        if joined.startswith("["):
            section = joined
        elif section == "[Service]" and joined[:1] not in ("#", ";"):
            name, equals, value = joined.partition("=")
            if equals:
                yield first, name.strip(), value.strip()


def _of_environment(rest: str) -> list[tuple[str, str]]:
    """The assignments of a line: one a word, or one in all where its words cannot have been meant so."""
    rest = _COMMENT.sub("", rest)
    matches = [_ASSIGNMENT.fullmatch(_bare(word)) for word in _WORD.findall(rest)]
    if not all(matches):
        matches = [_ASSIGNMENT.fullmatch(_bare(rest))]
    return [(match.group(1), _without_quotes(match.group(2))) for match in matches if match]


def _bare(word: str) -> str:
    """A word without the quotes around it, or around the value in it."""
    word = _without_quotes(word)
    name, equals, value = word.partition("=")
    return f"{name}{equals}{_without_quotes(value)}"


def _without_quotes(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text


def _as_written(name: str, value: str, line: int, dollars: bool = False) -> Iterator[Reading]:
    """The value as it stands, where systemd may make another one of it. dollars: where it puts in variables."""
    specifiers = tuple(dict.fromkeys(_SPECIFIER.findall(value.replace("%%", ""))))
    kinds = (
        (SPECIFIER, bool(specifiers)),
        (PERCENT, "%%" in value),
        (DOLLAR, dollars and "$" in value),
        (BACKSLASH, "\\" in value),
        (QUOTE, '"' in value or "'" in value),
        (BLANK, bool(re.search(r"\s", value))),
    )
    kind = next((kind for kind, holds in kinds if holds), "")
    yield Reading(name, value, line, kind, specifiers if kind == SPECIFIER else ())


def _expanded(name: str, value: str, line: int, known: dict[str, str]) -> Iterator[Reading]:
    """The value with the variables that it names put in, as a shell would, where all of them are known."""
    names = [one or other for one, other in _REFERENCE.findall(value)]
    if names and all(item in known for item in names):
        expanded = _REFERENCE.sub(lambda match: known[match.group(1) or match.group(2)], value)
        yield Reading(name, expanded, line, REFERENCE)
