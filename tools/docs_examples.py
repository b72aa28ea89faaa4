"""The example in docs/own-failure-modes.md, as files: what the docs show is what is tested."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "own-failure-modes.md"
_FILE = re.compile(r"^`([^`\n]+)`:\n\n```yaml\n(.*?)^```$", re.M | re.S)


def write(folder: Path) -> list[str]:
    """Write the files of the example into a folder; their paths in it."""
    files = dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(files)
