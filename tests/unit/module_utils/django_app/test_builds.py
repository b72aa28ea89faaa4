"""A library that reads what a build has made, and misses it: which, and where it looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_asked_variables import failed

# The library's own error, or one of Python's that it raises; and the settings by which it looks for the list.
LIBRARIES = {
    "webpack_loader": (
        "raise OSError('Error reading it')",
        "WEBPACK_LOADER = {'DEFAULT': {'STATS_FILE': FOLDER + '/list.json'}}",
    ),
    "django_vite": (
        "class NotFoundError(Exception): pass\nraise NotFoundError('no main.ts')",
        "DJANGO_VITE = {'default': {'manifest_path': FOLDER + '/list.json'}}",
    ),
    "compressor": (
        "class OfflineGenerationError(Exception): pass\nraise OfflineGenerationError('no key')",
        "COMPRESS_ROOT, COMPRESS_OUTPUT_DIR, COMPRESS_OFFLINE_MANIFEST = FOLDER, '', 'list.json'",
    ),
}


def write(folder: Path, library: str) -> None:
    """A library of that name, and settings by which Django would give its list's place."""
    raises, setting = LIBRARIES[library]
    (folder / f"{library}.py").write_text(raises + "\n", encoding="utf-8")
    (folder / "django").mkdir()
    (folder / "django/__init__.py").write_text("def get_version(): return '5.2'\n")
    text = f"FOLDER = {str(folder)!r}\nclass settings:\n    STATIC_ROOT = ''\n    {setting}\n"
    (folder / "django/conf.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("there", [False, True])
def test_a_library_that_misses_a_build(tmp_path: Path, library: str, there: bool) -> None:
    """Also behind another error."""
    write(tmp_path, library)
    if there:
        (tmp_path / "list.json").write_text("{}")
    error = failed(
        tmp_path, f"try:\n    import {library}\nexcept Exception as e:\n    raise RuntimeError('page') from e"
    )
    assert error["build"] == {"package": library, "path": str(tmp_path / "list.json"), "there": there}


def test_a_place_that_is_not_known(tmp_path: Path) -> None:
    """The settings of another version."""
    write(tmp_path, "webpack_loader")
    (tmp_path / "django/conf.py").write_text("settings = None\n")
    error = failed(tmp_path, "import webpack_loader")
    assert error["build"] == {"package": "webpack_loader", "path": "", "there": False}


def test_another_library(tmp_path: Path) -> None:
    """It reads no build's list."""
    (tmp_path / "reader.py").write_text("raise OSError('Error reading it')\n")
    assert "build" not in failed(tmp_path, "import reader")
