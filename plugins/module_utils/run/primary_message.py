# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a Python program failed, of all that it printed: the exception's own line first, then what it adds."""

from __future__ import annotations

import re

_TRACEBACK = "Traceback (most recent call last):"
# `django.db.utils.ProgrammingError: permission denied for schema public`, `CommandError: ...`, `KeyError`
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: |$)")
# What PostgreSQL adds to its message that says more of the cause; the statement it stands in (LINE 1: ...) does not.
_ADDED = re.compile(r"^(?:DETAIL|HINT|CONTEXT): ")


def of(text: str) -> str:
    """The primary message of the last exception in a program's output, with its details; "" where nothing was said.

    Where no exception is named, the last line that is not indented.
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    last = max((index for index, line in enumerate(lines) if line.strip() == _TRACEBACK), default=-1)
    flush = [line for line in lines[last + 1 :] if not line.startswith((" ", "\t"))]
    named = [index for index, line in enumerate(flush) if _EXCEPTION.match(line)]
    if not named:
        return flush[-1] if flush else ""
    # After a traceback the first is the one that was raised; without one the last is what the program ended on.
    begin = named[0] if last >= 0 else named[-1]
    return "; ".join([flush[begin], *(line for line in flush[begin + 1 :] if _ADDED.match(line))])
