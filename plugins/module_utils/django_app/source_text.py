# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of this folder put together to one text, which the app's own Python runs and which imports nothing of ours."""

from __future__ import annotations

import binascii
import inspect
import re
import zlib
from collections.abc import Sequence
from types import ModuleType

# Lines that stand once, or not at all, in one text.
_FUTURE = "from __future__ import annotations\n"
_OWN_IMPORT = re.compile(r"^from ansible_collections\.\S+ import (\([^)]*\)|.+)\n", re.MULTILINE)


def join(parts: Sequence[ModuleType]) -> str:
    """The text of these files, each after what it imports."""
    texts = [_OWN_IMPORT.sub("", inspect.getsource(part)).replace(_FUTURE, "", 1) for part in parts]
    return _FUTURE + "\n".join(texts)


def packed(text: str, begin: str) -> str:
    """A text as one word of a command line, of which Linux takes no more than 128 KiB (MAX_ARG_STRLEN).

    begin: what is done before anything is imported.
    """
    word = binascii.b2a_base64(zlib.compress(text.encode()), newline=False).decode()
    unpacked = f"zlib.decompress(binascii.a2b_base64({word!r}))"
    return f"{begin}import binascii, zlib\nexec(compile({unpacked}, '<string>', 'exec'))\n"
