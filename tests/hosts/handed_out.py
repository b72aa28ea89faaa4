"""What runs hand to people: reports of each form, and what is in the archives of bundles."""

from __future__ import annotations

import tarfile
from pathlib import Path


def all_text(folder: Path, well: bool = False) -> str:
    """All that stands in the files below a folder, archives opened. Asserts that each form of report is among them.

    well: whether all was well, so that there is no page for people.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert ({".json", ".gz"} if well else {".json", ".html", ".md", ".gz"}) <= {path.suffix for path in files}, files
    return "\n".join(_in_archive(path) if path.suffix == ".gz" else _text(path.read_bytes()) for path in files)


def _in_archive(path: Path) -> str:
    with tarfile.open(path) as archive:
        parts = [archive.extractfile(member) for member in archive.getmembers() if member.isfile()]
        assert parts, path
        return "\n".join(_text(part.read()) for part in parts if part)


def _text(content: bytes) -> str:
    return content.decode(errors="replace")
