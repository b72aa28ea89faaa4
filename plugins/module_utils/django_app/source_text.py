# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of this folder put together to one text, which the app's own Python runs and which imports nothing of ours."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from types import ModuleType

# Lines that stand once, or not at all, in one text.
_FUTURE = "from __future__ import annotations\n"
_OWN_IMPORT = re.compile(r"^from ansible_collections\.\S+ import (\([^)]*\)|.+)\n", re.MULTILINE)


def join(parts: Sequence[ModuleType], begin: str = "") -> str:
    """The text of these files, each after what it imports. begin: what is done before all else."""
    texts = [_OWN_IMPORT.sub("", inspect.getsource(part)).replace(_FUTURE, "", 1) for part in parts]
    return _FUTURE + begin + "\n".join(texts)
