# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of an environment file that are meant to set a variable, and that systemd ignores (systemd.exec(5))."""

from __future__ import annotations

import re
from typing import Any

MOST = 50
# What stands in the way, as the end of a sentence, by what such a line looks like.
_WAYS = (
    ("it begins with a byte order mark", re.compile("^\ufeff\\s*(?:export\\s+)?([A-Za-z_]\\w*)\\s*=")),
    ("it begins with export", re.compile(r"^\s*export\s+([A-Za-z_]\w*)\s*=")),
    ("it begins with set", re.compile(r"^\s*set\s+([A-Za-z_]\w*)\s*=")),
    ("it has a colon in place of =", re.compile(r"^\s*([A-Za-z_]\w*)\s*:(?!\S*=)")),
    ("it is a comment", re.compile(r"^\s*[#;]+\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)\s*=")),
)


def find(text: str) -> list[dict[str, Any]]:
    """{name, line, why} of each such line, at most MOST; never a value."""
    found: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        for why, way in _WAYS:
            if match := way.match(line):
                found.append({"name": match.group(1), "line": number, "why": why})
                break
    return found[:MOST]
