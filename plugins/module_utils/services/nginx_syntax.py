# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Split the text of an nginx configuration into words, as nginx's own reader does, Lua blocks included.

Sources: ngx_conf_read_token() in nginx's src/core/ngx_conf_file.c; the `*_by_lua_block` directives of
openresty/lua-nginx-module. tests/unit/module_utils/services/test_nginx_syntax.py compares it with crossplane.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# A comment begins only where a word could; within a word `#` and quotes are plain characters, and so is `}`.
_NEXT = re.compile(
    r"""\s*(?:
        (?P<comment>\#[^\n]*)
      | (?P<sign>[{};])
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | '(?P<single>(?:[^'\\]|\\.)*)'
      | (?P<bare>(?:\\.|\$\{?|[^\s;{}"'\\$])(?:\\.|\$\{|\$|[^\s;{\\$])*)
    )""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\([\"'\\trn])")
_ESCAPED = {"t": "\t", "r": "\r", "n": "\n"}
_LUA_DIRECTIVE = re.compile(r"^\w+_by_lua_block$")
# Where braces are none in Lua: comments and strings, short or in long brackets (Lua 5.1, 2.1).
_LUA_PART = re.compile(
    r"""  --\[(?P<comment>=*)\[.*?\](?P=comment)\] | --[^\n]*
        | \[(?P<string>=*)\[.*?\](?P=string)\] | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
        | (?P<brace>[{}])""",
    re.DOTALL | re.VERBOSE,
)


class Statement(NamedTuple):
    """One directive's words and the line that it begins in; `end` is `;`, or `{` where a block follows.

    The end of a block is a statement of no words that ends in `}`.
    """

    words: list[str]
    line: int
    end: str


def statements(text: str) -> Iterator[Statement]:
    """The directives of a configuration in order. What nginx would refuse as not terminated is left out."""
    words: list[str] = []
    place, line, counted = 0, 1, 0
    while match := _NEXT.match(text, place):
        place = match.end()
        kind = match.lastgroup or ""
        if kind == "comment":
            continue
        if kind != "sign":
            if not words:
                line += text.count("\n", counted, match.start(kind))
                counted = match.start(kind)
            words.append(_ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), match[kind]))
            continue
        sign = match["sign"]
        if sign == "{" and words and _LUA_DIRECTIVE.match(words[0]):
            end = _lua_end(text, place)
            words, place, sign = [*words, text[place:end]], end + 1, ";"
        if words and sign != "}":
            yield Statement(words, line, sign)
        elif sign == "}":
            yield Statement([], line, sign)
        words = []


def _lua_end(text: str, place: int) -> int:
    """Where the brace is that closes a Lua block whose code begins here; the text's end where there is none."""
    depth = 1
    for match in _LUA_PART.finditer(text, place):
        depth += {"{": 1, "}": -1}.get(match["brace"] or "", 0)
        if not depth:
            return match.start()
    return len(text)
