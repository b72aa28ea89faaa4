# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text from hosts, made harmless for terminals and files: it is data, whatever it looks like."""

from __future__ import annotations

import hashlib
import math
import re
from itertools import islice
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable

LIMIT = 4000
# More entries and levels than any look brings back, and more bits than any number in it has.
ENTRIES = 1000
BITS = 128
DEPTH = 30
# Room for a suffix within the 255 bytes that a file's name may have.
NAME = 120
# What a shell takes as it is, quoted or not.
_PLAIN = re.compile(r"[^\w@%+=:,./~-]")


def clean(text: str, limit: int = LIMIT) -> str:
    """The text without terminal escapes, control and direction-changing characters, at most `limit` characters."""
    text = printable(text[: limit * 2])
    return text if len(text) <= limit else text[:limit] + "…"


def clean_tree(value: Any, limit: int = LIMIT, depth: int = DEPTH) -> Any:
    """A copy of nested dicts and lists with every string cleaned, keys included.

    Too deep, too many, and numbers that are none or too long to be written are cut off.
    """
    if isinstance(value, str):
        return clean(value, limit)
    if depth <= 0:
        return None
    if isinstance(value, dict):
        entries = islice(value.items(), ENTRIES)
        return {clean(str(key), 200): clean_tree(item, limit, depth - 1) for key, item in entries}
    if isinstance(value, (list, tuple)):
        return [clean_tree(item, limit, depth - 1) for item in value[:ENTRIES]]
    if isinstance(value, (int, float)):
        return value if _is_writable(value) else None
    return None if value is None else clean(str(value), limit)


def _is_writable(number: float) -> bool:
    return math.isfinite(number) if isinstance(number, float) else number.bit_length() <= BITS


def plain_words(value: Any) -> Any:
    """A copy of nested dicts and lists in whose strings `?` stands for all that a shell would obey.

    For commands that a person copies: what a host calls its files must not add one. Unquoted, `?` still finds the file.
    """
    if isinstance(value, str):
        return _PLAIN.sub("?", value)
    if isinstance(value, dict):
        return {key: plain_words(item) for key, item in value.items()}
    return [plain_words(item) for item in value] if isinstance(value, list) else value


def file_name(name: str) -> str:
    """A name as that of one file in one folder: no separators, no leading dot, never empty, and no other name's."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[:NAME]
    if safe and safe == name:
        return safe
    # What was taken out distinguished it from others.
    return f"{safe}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}".lstrip("-")
