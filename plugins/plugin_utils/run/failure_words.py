# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a failed task says of itself: its message, and what its command or module printed. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor

# Where results have what was printed, in the order in which it is worth reading.
PRINTED = ("stderr", "module_stderr", "stdout", "module_stdout", "output")
# Of each, so many characters from its end: the last lines say why.
KEPT = 600
NO_MESSAGE = "no message"


def of(result: Any) -> str:
    """The words of a task's result, or of those of a loop's items that failed; what looks like a secret is masked."""
    if not isinstance(result, dict):
        return NO_MESSAGE
    items = result.get("results")
    items = items if isinstance(items, list) else []
    failed = [item for item in items if isinstance(item, dict) and item.get("failed")]
    said = dict.fromkeys(words for item in failed or [result] if (words := _of_one(item)))
    return Redactor().text("; ".join(said)) or NO_MESSAGE


def _of_one(result: dict[str, Any]) -> str:
    command = result.get("cmd")
    parts = [" ".join(map(str, command)) if isinstance(command, list) else str(command or "")]
    for name in ("msg", *PRINTED):
        value = result.get(name)
        text = "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")
        text = text.strip()[-KEPT:]
        # A module's message often has what its command printed.
        if text and text not in "\n".join(parts):
            parts.append(text)
    return ": ".join(part for part in parts if part)
