# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A compressed copy of a file that is served in its place, and whose content is another one: of an older release.

nginx (`gzip_static`) and WhiteNoise send it to every browser; a client that asks for no compression gets the file.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

MOST_BYTES = 1 << 22
_SUFFIX = ".gz"
# zlib's window for a gzip header (zlib.decompress()).
_GZIP = 31


def served(path: str, ask: Callable[[dict[str, str]], dict[str, Any]]) -> str:
    """The copy's path; empty where there is none, it is as the file, or it is not what a browser gets.

    ask: for the file, with these headers. What is compressed as it is sent has no length of the copy's.
    """
    copy = path + _SUFFIX
    try:
        size = os.stat(copy).st_size
        if _content(copy) == safe_files.read_bytes(safe_files.resolve(path), MOST_BYTES):
            return ""
    except (OSError, zlib.error):
        return ""
    answer = ask({"Accept-Encoding": "gzip"})
    headers = answer["headers"]
    is_copy = headers.get("content-encoding") == "gzip" and headers.get("content-length") == str(size)
    return copy if answer["status"] == 200 and is_copy else ""


def _content(copy: str) -> bytes:
    """What is compressed in a file, at most MOST_BYTES. Raises OSError, and zlib.error where it is no such file."""
    packed = safe_files.read_bytes(safe_files.resolve(copy), MOST_BYTES)
    return zlib.decompressobj(_GZIP).decompress(packed, MOST_BYTES)
