"""Which requirements the app's error is about: only those are repaired."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_requirements

PLAN = {"root": "/srv/shop", "venv": ""}


def problem(name: str, installed: str | None = None) -> dict[str, Any]:
    return {"name": name, "wanted": "==1", "installed": installed, "by": "requirements"}


def raised(code: str) -> BaseException:
    """The exception that a piece of code raises."""
    try:
        exec(code, {"__name__": "shop.settings"})
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def blamed(error: BaseException | None, *problems: dict[str, Any], installed: Any = None) -> list[str]:
    """Names of the packages that an error is about."""
    modules = script_requirements.missing_modules(error, PLAN)
    script_requirements.blame(list(problems), installed or {}, modules, error)
    return [item["name"] for item in problems if item["at_fault"]]


def test_a_missing_module_is_about_the_package_of_that_name() -> None:
    """Of those that are missing; where no name fits, any of them may bring it."""
    error = raised("import slugify_that_is_missing")
    assert blamed(error, problem("python-slugify-that-is-missing"), problem("old-lib")) == [
        "python-slugify-that-is-missing"
    ]
    assert blamed(error, problem("pillow"), problem("old-lib")) == ["pillow", "old-lib"]


def test_a_module_of_an_installed_package_is_about_no_other() -> None:
    """Its package is there, so that what is not installed would not bring it; what several share, another one may."""
    assert blamed(raised("import hypothesis.errors_that_are_missing"), problem("old-lib")) == []
    assert blamed(raised("import ansible_collections.missing"), problem("old-lib")) == ["old-lib"]


def test_another_error_is_about_none() -> None:
    """However much differs from an old file of requirements."""
    error = raised("raise RuntimeError('the licence has ended')")
    assert blamed(error, problem("old-lib")) == []
    assert blamed(None, problem("old-lib")) == []


def test_a_wrong_version_is_about_its_own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name is not in its module, or its code raises; another package's version is not touched."""
    (tmp_path / "wares").mkdir()
    (tmp_path / "wares" / "__init__.py").write_text("def sell():\n    raise TypeError('sold out')\n", encoding="utf-8")
    for name, module in (("wares", "wares"), ("other", "other")):
        (tmp_path / f"{name}-2.dist-info").mkdir()
        (tmp_path / f"{name}-2.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 2\n", encoding="utf-8")
        (tmp_path / f"{name}-2.dist-info" / "RECORD").write_text(f"{module}/__init__.py,,\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    installed = script_requirements.installed_distributions()
    problems = (problem("wares", "2"), problem("other", "2"))
    for code in ("from wares import buy", "import wares; wares.sell()", "import wares; wares.buy()"):
        assert blamed(raised(code), *problems, installed=installed) == ["wares"], code
    assert blamed(raised("import wares; 1 / 0"), *problems, installed=installed) == []
