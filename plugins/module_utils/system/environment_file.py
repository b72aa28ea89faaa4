# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The assignments of an EnvironmentFile, as systemd reads them (systemd.exec(5); systemd's src/basic/env-file.c).

tests/hosts/test_written_variables.py compares this with what systemd itself makes of the same file.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A comment, which a backslash continues, or an assignment: quoted parts come first, and once another character was
# met, quotes are characters like any other.
_ENTRY = re.compile(
    r"""[#;](?:\\.|[^\\\n\r])*\\?"""
    r"""|(?P<name>[^=\n\r]*)"""
    r"""(?:=(?P<quoted>(?:[ \t]|'[^']*(?:'|\Z)|"(?:\\.|[^"\\])*(?:"|\\?\Z))*)(?P<bare>(?:\\.|[^\\\n\r])*)\\?)?""",
    re.S,
)
_INNER = {"'": re.compile(r"[^']*"), '"': re.compile(r'(?:\\.|[^"\\])*', re.S)}
_ESCAPED = re.compile(r"\\(.)", re.S)
_PARTS = re.compile(r"\\.|[^\\]", re.S)
# Within double quotes a backslash stays where the shell would keep it.
_FREED = '"\\`$'


def parse(text: str) -> dict[str, str]:
    """The variables that a file with this text sets."""
    values: dict[str, str] = {}
    place = 0
    while place < len(text):
        if text[place] in " \t\n\r":
            place += 1
            continue
        entry = _ENTRY.match(text, place)
        if entry is None or entry.end() == place:
            break
        place = entry.end()
        name = (entry["name"] or "").strip()
        if entry["bare"] is not None and _NAME.fullmatch(name):
            values[name] = _unquoted(entry["quoted"]) + _bare(entry["bare"])
    return values


def _unquoted(text: str) -> str:
    """The quoted parts that a value begins with, without their quotes and what is between them."""
    found, place = "", 0
    while place < len(text):
        quote = text[place]
        if quote in " \t":
            place += 1
            continue
        end = _INNER[quote].match(text, place + 1)
        inner = end.group() if end else ""
        found += inner if quote == "'" else _ESCAPED.sub(_in_double_quotes, inner)
        place += len(inner) + 2
    return found


def _in_double_quotes(match: re.Match[str]) -> str:
    character = match.group(1)
    if character in _FREED:
        return character
    return "" if character == "\n" else match.group()


def _bare(text: str) -> str:
    """The rest of a value: blanks at its end go, and so does each backslash, and a line's end after one."""
    parts: list[str] = _PARTS.findall(text)
    while parts and parts[-1] in (" ", "\t"):
        parts.pop()
    return "".join(part if len(part) == 1 else part[1].strip("\n\r") for part in parts)
