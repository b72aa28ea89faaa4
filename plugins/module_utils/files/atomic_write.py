# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a file whole or not at all: readers meet the old content or the new, and never half of either.

The folder must be one that nobody else may write to. The draft next to the file is hidden, so that no pattern of a
program that includes files takes it up, and is never opened through a link. OSError where a file cannot be written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


def replace(path: str, content: bytes, mode: int = 0o600) -> None:
    """Replace a file atomically, or make it."""
    with _draft(path, content, mode) as draft:
        os.replace(draft, path)


def create(path: str, content: bytes, mode: int = 0o600) -> None:
    """Make a file atomically where there is none. Of two that do so, the first one's stays."""
    with _draft(path, content, mode) as draft, contextlib.suppress(FileExistsError):
        os.link(draft, path)


@contextlib.contextmanager
def _draft(path: str, content: bytes, mode: int) -> Iterator[str]:
    """The content under another name in the same folder; gone at the end."""
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        yield draft
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
