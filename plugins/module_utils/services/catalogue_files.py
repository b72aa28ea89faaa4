# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""gettext's message catalogues (.mo), read. Pure. Source: its manual, "The Format of GNU MO Files"."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_MAGIC = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}
_CHARSET = re.compile(rb"charset=([\w-]+)")


def messages(data: bytes) -> Iterator[tuple[tuple[str, ...], str]]:
    """(English, translation) of a .mo file; of plural forms each with both English ones. ValueError for other data."""
    try:
        order = _MAGIC[data[:4]]
        count, originals, translations = struct.unpack_from(order + "3I", data, 8)
        rows = [
            tuple(_string(data, order, table + 8 * number) for table in (originals, translations))
            for number in range(count)
        ]
        header = next((translation for original, translation in rows if not original), b"")
        match = _CHARSET.search(header)
        charset = match.group(1).decode() if match else "utf-8"
        found = [(original.decode(charset), translation.decode(charset)) for original, translation in rows if original]
    except (KeyError, struct.error, LookupError, UnicodeDecodeError) as error:
        raise ValueError("not a message catalogue") from error
    for original, translation in found:
        # What stands before this character is a context.
        english = tuple(original.rpartition("\4")[2].split("\0"))
        for form in dict.fromkeys(translation.split("\0")):
            if form:
                yield english, form


def _string(data: bytes, order: str, place: int) -> bytes:
    length, offset = struct.unpack_from(order + "2I", data, place)
    return data[offset : offset + length]
