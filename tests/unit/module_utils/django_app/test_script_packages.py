"""Packages that do not fit together: who asks whom for what, by the installers' own metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_asked_variables import rehearsed


def install(site: Path, name: str, version: str, files: dict[str, str], requires: str = "") -> None:
    """A package as pip would leave it: its files, METADATA and RECORD."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, encoding="utf-8")
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    lines += [f"Requires-Dist: {requires}"] if requires else []
    (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "RECORD").write_text("".join(f"{path},,\n" for path in files), encoding="utf-8")


def looked_at(tmp_path: Path, settings: str) -> dict[str, Any]:
    """The step of an app with these settings, which fail; its packages are those in tmp_path/site-packages."""
    app = tmp_path / "app"
    app.mkdir(exist_ok=True)
    (app / "django.py").write_text("def get_version(): return ''\n", encoding="utf-8")
    steps = rehearsed(app, settings, PYTHONPATH=str(tmp_path / "site-packages"))
    assert steps["application"]["ok"] is False, "the fault"
    found: dict[str, Any] = steps["packages"]
    return found


def test_a_package_asks_another_one_for_what_it_lacks(tmp_path: Path) -> None:
    """Both are named, with their versions, and what the one requires of the other."""
    site = tmp_path / "site-packages"
    install(site, "Colours", "3.0", {"colours/__init__.py": "def new_name(): pass\n"})
    wanted = {"shop_forms/__init__.py": "from colours import old_name\n"}
    install(site, "shop-forms", "1.4", wanted, "Colours <3")
    found = looked_at(tmp_path, "import shop_forms\n")["misfit"]
    assert (found["importer"], found["importer_version"], found["wants"]) == ("shop-forms", "1.4", "Colours<3")
    assert (found["provider"], found["provider_version"], found["lacks"]) == ("Colours", "3.0", "colours.old_name")
    assert found["file"].endswith("shop_forms/__init__.py")
    assert found["line"] == 1


ASKS = {
    "a submodule": ("import colours\nimport colours.six\n", "colours.six"),
    "an attribute": ("import colours\ncolours.old_name()\n", "colours.old_name"),
    "a name": ("from colours import old_name\n", "colours.old_name"),
}


@pytest.mark.parametrize("way", ASKS)
def test_the_app_itself_may_ask(tmp_path: Path, way: str) -> None:
    """No importer is named then."""
    install(tmp_path / "site-packages", "Colours", "3.0", {"colours/__init__.py": ""})
    found = looked_at(tmp_path, ASKS[way][0])["misfit"]
    assert (found["importer"], found["provider"], found["lacks"]) == ("", "Colours", ASKS[way][1])


def test_pythons_own_library_may_be_what_lacks(tmp_path: Path) -> None:
    """As of packages that are older than the Python."""
    install(tmp_path / "site-packages", "old", "1", {"old.py": "import collections\ncollections.Callable\n"})
    found = looked_at(tmp_path, "import old\n")["misfit"]
    assert (found["importer"], found["provider"], found["lacks"]) == ("old", "Python", "collections.Callable")


def test_two_packages_brought_the_same_module(tmp_path: Path) -> None:
    """That is said of the one that lacks the name."""
    site = tmp_path / "site-packages"
    install(site, "PyJWT", "2.0", {"jwt/__init__.py": "def encode(): pass\n"})
    install(site, "jwt", "1.0", {"jwt/__init__.py": "class JWT: pass\n"})
    found = looked_at(tmp_path, "import jwt\njwt.encode()\n")["misfit"]
    assert found["shared"] == ["PyJWT", "jwt"]


NOT_ITS = {
    "the app's own module": "import helpers\nhelpers.gone\n",
    "two modules that import each other": "import first\n",
    "an attribute of something else": "(1).real.gone\n",
    "what is not installed": "import not_there_at_all\n",
}


@pytest.mark.parametrize("way", NOT_ITS)
def test_what_is_no_misfit(tmp_path: Path, way: str) -> None:
    """The app's own code, and what is not there at all, are other causes."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "helpers.py").write_text("", encoding="utf-8")
    (app / "first.py").write_text("import second\nname = 1\n", encoding="utf-8")
    (app / "second.py").write_text("from first import name\n", encoding="utf-8")
    assert set(looked_at(tmp_path, NOT_ITS[way])) & {"misfit", "native"} == set()


NATIVE = "/x/site-packages/fast/_core.so: undefined symbol: PQencryptPasswordConn"


def test_machine_code_that_was_made_for_something_else(tmp_path: Path) -> None:
    """The package that it was installed by is named."""
    site = tmp_path / "site-packages"
    install(site, "fast-driver", "2.1", {"fast/__init__.py": f"raise ImportError({NATIVE!r})\n", "fast/_core.so": ""})
    found = looked_at(tmp_path, "import fast\n")["native"]
    assert (found["package"], found["version"]) == ("fast-driver", "2.1")
    assert "undefined symbol" in found["message"]
