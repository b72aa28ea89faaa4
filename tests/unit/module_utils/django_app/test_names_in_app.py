"""Which module of the app's own an import means, also where its name differs in upper and lower case alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_errors


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An app with a folder, a file, and what is no module."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Notifications").mkdir()
    (tmp_path / "maps.py").touch()
    (tmp_path / "Readme.md").touch()
    return {"root": str(tmp_path), "venv": ""}


@pytest.mark.parametrize(
    ("module", "own", "other"),
    [
        ("notifications", True, "Notifications"),
        ("notifications.urls", True, "Notifications"),
        ("Notifications", True, None),
        ("Maps", True, "maps.py"),
        ("maps.views", True, None),
        ("readme", False, None),
        ("slugify", False, None),
    ],
)
def test_the_module_that_is_meant(plan: dict[str, Any], module: str, own: bool, other: str | None) -> None:
    """A folder that was renamed on a machine without upper and lower case in its names is the app's, and no package."""
    described: dict[str, Any] = script_errors.describe(ModuleNotFoundError("no", name=module), plan)
    assert (described["module_in_app"], described.get("other_case")) == (own, other)


def test_the_very_name_comes_first(plan: dict[str, Any]) -> None:
    """Where both are there."""
    (Path(plan["root"]) / "notifications.py").touch()
    assert script_errors.name_in_app("notifications", plan) == "notifications.py"
