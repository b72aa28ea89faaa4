"""What the rehearsal says of settings that fail on a variable: its name, and nothing of its value."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_errors

SECRET = "s3cret-value"


def described(folder: Path, line: str) -> dict[str, Any]:
    """What describe() says of settings with this line."""
    path = folder / "settings.py"
    path.write_text(f"import json, os\nLEVELS = {{}}\ndef config(name, cast): return cast(os.environ[name])\n{line}\n")
    try:
        runpy.run_path(str(path))
    except Exception as error:
        reported: dict[str, Any] = script_errors.describe(error, {"root": str(folder), "venv": ""})
        return reported
    raise AssertionError("the settings load")


@pytest.mark.parametrize(
    ("line", "module"),
    [
        # Of a package, the name could be a module of its that is not there; of a module it is something in it.
        ("from hypothesis.internal import gone", "hypothesis.internal.gone"),
        ("from hypothesis.errors import Gone", "hypothesis.errors"),
        ("import hypothesis.gone", "hypothesis.gone"),
    ],
)
def test_the_module_that_could_not_be_imported(tmp_path: Path, line: str, module: str) -> None:
    """As a file of a damaged package is recorded."""
    assert described(tmp_path, line)["module"] == module


@pytest.mark.parametrize(
    "line",
    [
        'X = int(os.environ["VARIABLE"])',
        'X = int(os.environ.get("VARIABLE", "1"))',
        "X = json.loads(os.getenv('VARIABLE'))",
        'X = LEVELS[os.environ["VARIABLE"]]',
        'X = {"a": 1}[os.getenv("VARIABLE")]',
    ],
)
def test_a_bad_value_is_reported_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The name, the place, and neither the value nor the line."""
    monkeypatch.setenv("VARIABLE", SECRET)
    reported = described(tmp_path, line)
    assert (reported["env_value"], reported["env_key"], reported["line"]) == ("VARIABLE", "", 4)
    assert SECRET not in json.dumps(reported)


def test_an_unset_variable_is_a_missing_key(tmp_path: Path) -> None:
    """int(os.environ.get("X")) fails because there is nothing, not because of what is there."""
    assert "VARIABLE" not in os.environ
    reported = described(tmp_path, 'X = int(os.environ.get("VARIABLE"))')
    assert (reported["env_value"], reported["env_key"]) == ("", "VARIABLE")
    reported = described(tmp_path, 'X = os.environ["VARIABLE"]')
    assert (reported["env_value"], reported["env_key"]) == ("", "VARIABLE")


@pytest.mark.parametrize("line", ['X = int("x")', 'X = undefined + os.environ.get("VARIABLE", "")'])
def test_other_errors_are_the_codes_own(tmp_path: Path, line: str) -> None:
    """A line that reads nothing, or that fails for another reason, names no variable and keeps its message."""
    reported = described(tmp_path, line)
    assert (reported["env_value"], reported["env_key"]) == ("", "")
    assert "not shown" not in reported["message"]
