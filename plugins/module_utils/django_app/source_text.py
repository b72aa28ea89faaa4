# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of this folder put together to one text, which the app's own Python runs and which imports nothing of ours."""

from __future__ import annotations

import base64
import inspect
import re
import zlib
from collections.abc import Sequence
from types import ModuleType

# Lines that stand once, or not at all, in one text.
_FUTURE = "from __future__ import annotations\n"
_COMMENT = re.compile(r"^ *#.*\n", re.MULTILINE)
_BEST = 9
_OWN_IMPORT = re.compile(r"^from ansible_collections\.\S+ import (\([^)]*\)|.+)\n", re.MULTILINE)


def join(parts: Sequence[ModuleType]) -> str:
    """The text of these files, each after what it imports."""
    texts = [_OWN_IMPORT.sub("", inspect.getsource(part)).replace(_FUTURE, "", 1) for part in parts]
    return _FUTURE + "\n".join(texts)


def packed(text: str, begin: str) -> str:
    """A text as one word of a command line, of which Linux takes no more than 128 KiB (MAX_ARG_STRLEN).

    Comments stay behind. begin: what is done before anything is imported.
    """
    word = base64.b85encode(zlib.compress(_COMMENT.sub("", text).encode(), _BEST)).decode()
    unpacked = f"zlib.decompress(base64.b85decode({word!r}))"
    return f"{begin}import base64, zlib\nexec(compile({unpacked}, '<string>', 'exec'))\n"
