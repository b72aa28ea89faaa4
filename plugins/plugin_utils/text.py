# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text from hosts, made harmless for terminals and files: it is data, whatever it looks like."""

from __future__ import annotations

import re
from typing import Any

LIMIT = 4000
# Terminal escape sequences first, then what is left of control characters; tabs and newlines stay.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str, limit: int = LIMIT) -> str:
    """The text without terminal escapes, control and direction-changing characters, at most `limit` characters."""
    text = text[: limit * 2]
    text = _CONTROLS.sub("", _ESCAPES.sub("", text))
    return text if len(text) <= limit else text[:limit] + "…"


def clean_tree(value: Any, limit: int = LIMIT, depth: int = 30) -> Any:
    """A copy of nested dicts and lists with every string cleaned, keys included. Too deep is cut off."""
    if isinstance(value, str):
        return clean(value, limit)
    if depth <= 0:
        return None
    if isinstance(value, dict):
        return {clean(str(key), 200): clean_tree(item, limit, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_tree(item, limit, depth - 1) for item in value]
    return value if isinstance(value, (int, float, bool)) or value is None else clean(str(value), limit)


def file_name(name: str) -> str:
    """A host's name as the name of one file in one folder: no separators, no leading dot, never empty."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[:120] or "host"
