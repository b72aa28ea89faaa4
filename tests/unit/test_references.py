"""Pages that are cited exist: by their path below the root, and in the links of Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = (".md", ".py", ".yml", ".yaml", ".toml", ".j2", ".cfg", ".in", ".sh", "Makefile")
# Made or fetched, and not ours to keep right.
OTHERS = {"collections", "reports"}
_CITED = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.\w+")
_LINK = re.compile(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)")


def test_each_page_that_is_cited_exists() -> None:
    """Such as docs/evidence.md."""
    gone = [f"{path.relative_to(ROOT)}: {name}" for path, name in _cited() if not (ROOT / name).exists()]
    assert gone == []


def test_each_link_leads_somewhere() -> None:
    """Relative to the page that it stands on."""
    pages = [path for path in _files() if path.suffix == ".md"]
    gone = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in pages
        for name in _LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / name).exists()
    ]
    assert gone == []
    assert len(pages) > 100


def _cited() -> Iterator[tuple[Path, str]]:
    for path in _files():
        for name in _CITED.findall(path.read_text(encoding="utf-8")):
            yield path, name


def _files() -> Iterator[Path]:
    for top, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in OTHERS]
        yield from (Path(top) / name for name in names if name.endswith(KINDS))
