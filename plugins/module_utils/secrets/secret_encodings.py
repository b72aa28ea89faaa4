# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ways in which one secret is written: quoted, escaped, encoded, line by line."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

# Shorter than that, another spelling may be any word.
SHORTEST = 4
# A line of a key, or a part of something that was encoded, which is surely nothing else.
SHORTEST_PART = 8
# As five levels of quoting need at most; without a limit, a text of backslashes would never end.
_BACKSLASHES = r"\\{0,32}"


def of(secret: str) -> set[str]:
    """The secret itself and its other spellings in logs, tracebacks, URLs, JSON, units, shells and headers."""
    found: set[str] = set()
    for text in (secret, secret.replace("\\n", "\n")):
        found |= _quoted(text) | _encoded(text)
        lines = [line.strip() for line in text.splitlines()]
        if len(lines) > 1:
            # A key of several lines reaches a journal line by line.
            kept = [line for line in lines if len(line) >= SHORTEST_PART and not line.startswith("-----")]
            found.update(spelling for line in kept for spelling in _quoted(line))
    return {spelling for spelling in found if len(spelling) >= SHORTEST}


def bare(text: str) -> str:
    """The text without backslashes: what all ways of escaping it have in common."""
    return text.replace("\n", "n").replace("\\", "")


def written_length(text: str, count: int) -> int:
    """How many characters at a text's beginning hold its first `count` that are not backslashes."""
    length = 0
    while count > 0 and length < len(text):
        count -= text[length] != "\\"
        length += 1
    return length


def escaped(secret: str) -> tuple[str, re.Pattern[str]]:
    """(a part of the secret, its pattern) however often it was quoted: a log holds JSON that holds a repr."""
    parts = [part for part in re.split(r"[\\\n'\"`$%]", secret) if part]
    pattern, before = "", ""
    for sign in secret:
        if sign == "\n":
            pattern += _BACKSLASHES + r"(?:n|\n)"
        elif sign != "\\":
            pattern += (_BACKSLASHES if before == "\\" or not sign.isalnum() else "") + re.escape(sign)
        before = sign
    return max(parts, key=len, default=secret), re.compile(pattern)


def _quoted(text: str) -> set[str]:
    unit = re.sub(r'(["\\])', r"\\\1", text).replace("%", "%%")
    python, binary = repr(text)[1:-1], repr(text.encode("utf-8", "replace"))[2:-1]
    return {
        text,
        python,
        binary,
        ascii(text)[1:-1],
        # As with the other kind of quotes around it.
        python.replace("\\'", "'"),
        text.replace("\\", "\\\\").replace("'", "\\'"),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(text, safe=""),
        quote(text),
        quote_plus(text),
        html.escape(text),
        html.escape(text).replace("&#x27;", "&#39;"),
        # A unit's file: its quotes, specifiers and variables.
        text.replace("%", "%%"),
        text.replace("$", "$$"),
        unit,
        unit.replace("$", "$$"),
        # A shell's quotes.
        text.replace("'", "'\"'\"'"),
        text.replace("'", "'\\''"),
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", text),
        re.sub(r"([\"$`\\])", r"\\\1", text),
    }


def _encoded(text: str) -> set[str]:
    """A text in hexadecimal, and in base64 wherever in what was encoded it begins."""
    data = text.encode("utf-8", "replace")
    if len(data) < SHORTEST_PART:
        return set()
    found = {data.hex(), data.hex().upper()}
    for before in range(3):
        # The first and the last characters depend on what stands next to the secret.
        encoded = base64.b64encode(bytes(before) + data).rstrip(b"=").decode()
        whole = len(bytes(before) + data) * 8 // 6
        inner = encoded[-(-before * 8 // 6) : whole]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {spelling for spelling in found if len(spelling) >= SHORTEST_PART}
