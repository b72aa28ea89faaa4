# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text without what a terminal, an editor or a reader's eye would obey."""

from __future__ import annotations

import re
from typing import Any

# Terminal escape sequences first, then what is left of control characters; tabs and newlines stay.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# Then what hides or reorders text or ends a line unseen, and halves of characters, which cannot be written anywhere.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """The text without terminal escapes, control characters and characters that change its direction."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def printable_tree(value: Any) -> Any:
    """A copy of nested dicts and lists with every text printable.

    What a module returns: Ansible refuses the whole answer where one file's name in it is not UTF-8.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: printable_tree(item) for key, item in value.items()}
    return [printable_tree(item) for item in value] if isinstance(value, (list, tuple)) else value
