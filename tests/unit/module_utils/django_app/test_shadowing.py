"""Files of the app's that hide an installed package, or a module of Python's own: found, and put aside for a trial."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_asked_variables import rehearsed

# What is put into the app's folder, what it hides, and settings that need the hidden one.
HIDING = {
    "a file": ("decouple.py", "decouple.py", "from decouple import config"),
    "a folder": ("environ/__init__.py", "environ/__init__.py", "from environ import Env"),
    "a module of Python's own": ("decimal.py", "decimal.py", "from decimal import Decimal"),
}


@pytest.mark.parametrize("way", HIDING)
def test_the_hidden_module_is_taken_for_a_trial(tmp_path: Path, way: str) -> None:
    """What hides what is named, and with that put aside the app is imported."""
    name, hidden, settings = HIDING[way]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("TRY = 1\n", encoding="utf-8")
    steps = rehearsed(tmp_path, settings)
    assert steps["application"]["ok"] is False, "the fault"
    found = steps["shadows"]["found"]
    assert [(item["module"], item["file"]) for item in found] == [
        (name.partition(".")[0].partition("/")[0], str(tmp_path / name.partition("/")[0]))
    ]
    assert found[0]["hides"].endswith(hidden)
    assert not found[0]["hides"].startswith(str(tmp_path))
    assert rehearsed(tmp_path, settings, found[0]["module"])["application"]["ok"] is True


def test_the_rehearsal_itself_is_not_misled(tmp_path: Path) -> None:
    """What a server has imported before it looks into the app's folder is Python's own, and so it is here."""
    for name in ("json", "ast", "linecache", "traceback", "faulthandler", "ctypes"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('mine')\n", encoding="utf-8")
    assert rehearsed(tmp_path, "import json, traceback")["application"]["ok"] is True


def test_what_hides_nothing_is_not_named(tmp_path: Path) -> None:
    """The app's own modules, a folder that is not a package, and files of an app that comes up."""
    (tmp_path / "shop.py").touch()
    (tmp_path / "decimal").mkdir()
    assert rehearsed(tmp_path, "import nowhere")["shadows"]["found"] == []
    (tmp_path / "environ.py").touch()
    assert "environ" in str(rehearsed(tmp_path, "import nowhere")["shadows"]["found"])


def test_a_folder_of_pythonpath_hides_a_package(tmp_path: Path) -> None:
    """Of it only what was imported is named: whole libraries may be there on purpose."""
    app, other = tmp_path / "app", tmp_path / "other"
    app.mkdir(), other.mkdir()
    for name in ("decouple", "environ"):
        (other / f"{name}.py").write_text("TRY = 1\n", encoding="utf-8")
    settings = "from decouple import config"
    steps = rehearsed(app, settings, PYTHONPATH=str(other))
    assert steps["application"]["ok"] is False, "the fault"
    assert [item["file"] for item in steps["shadows"]["found"]] == [str(other / "decouple.py")]
    assert rehearsed(app, settings, "decouple", PYTHONPATH=str(other))["application"]["ok"] is True
