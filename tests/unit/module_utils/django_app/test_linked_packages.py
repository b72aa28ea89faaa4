"""Packages that are linked in from a folder outside of the environment: which link is broken, and by what."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_linked_packages


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages on Python's path; the folder `home` next to it holds what is linked."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "app"), str(folder)])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return folder


def editable(site: Path, path: Path, listed: bool = True) -> None:
    """What an editable installation of `rates` leaves."""
    (site / "__editable__.rates-1.0.pth").write_text(f"# a remark\nimport os\n{path}\n")
    if listed:
        (site / "rates-1.0.dist-info").mkdir()
        (site / "rates-1.0.dist-info" / "RECORD").write_text("__editable__.rates-1.0.pth,sha256=x,9\n")


def broken(module: str) -> dict[str, Any] | None:
    """What is found of a module that Python does not find."""
    found: dict[str, Any] | None = script_linked_packages.broken_link(ModuleNotFoundError("no", name=module))
    return found


def closed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The kernel lets nobody into this folder; of root it would ask nothing."""
    real = os.stat

    def stat(path: Any, *given: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(f"{folder}/"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *given, **more)

    monkeypatch.setattr(os, "stat", stat)


def test_a_home_that_was_closed(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that refuses is named, which is above the one that is linked."""
    linked = tmp_path / "home" / "dev" / "rates"
    linked.mkdir(parents=True)
    editable(site, linked)
    assert broken("rates") is None
    (tmp_path / "home").chmod(0o700)
    closed(monkeypatch, tmp_path / "home")
    found = broken("rates.models")
    assert found
    assert (found["by"], found["path"]) == (str(site / "__editable__.rates-1.0.pth"), str(linked))
    assert (found["barrier"], found["missing"], found["mode"]) == (str(tmp_path / "home"), False, "0700")
    assert found["owner"]
    assert found["known"] is True
    assert broken("other") is None, "it is known whose link that is"


def test_a_folder_that_was_moved(site: Path, tmp_path: Path) -> None:
    """The first part of the path that is not there."""
    editable(site, tmp_path / "home" / "dev" / "rates")
    found = broken("rates")
    assert found
    assert (found["barrier"], found["missing"], found["owner"]) == (str(tmp_path / "home" / "dev"), True, "")


def test_a_line_by_hand_is_only_perhaps_the_modules(site: Path, tmp_path: Path) -> None:
    """Where it is the only one that leads nowhere; of two, none is named."""
    editable(site, tmp_path / "gone", listed=False)
    assert broken("anything") == {
        "by": str(site / "__editable__.rates-1.0.pth"), "path": str(tmp_path / "gone"), "known": False,
        "barrier": str(tmp_path / "gone"), "missing": True, "owner": "", "mode": "",
    }  # fmt: skip
    (site / "more.pth").write_text(f"{tmp_path / 'lost'}\n")
    assert broken("anything") is None


def test_the_way_of_setup_py_develop(site: Path, tmp_path: Path) -> None:
    """One file for all, and a link for each."""
    (site / "easy-install.pth").write_text(f"{tmp_path / 'old-rates'}\n{tmp_path / 'home'}\n")
    (site / "old-rates.egg-link").write_text(f"{tmp_path / 'old-rates'}\n.\n")
    found = broken("old_rates")
    assert found
    assert (found["path"], found["known"]) == (str(tmp_path / "old-rates"), True)


def test_a_finder_of_setuptools(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It maps modules to folders, or to files without their ending; before Python 3.14 a refusal is raised."""
    finder = ModuleType("__editable___rates_1_0_finder")
    finder.__file__ = str(site / "__editable___rates_1_0_finder.py")
    linked = tmp_path / "home" / "src" / "rates"
    linked.parent.mkdir()
    linked.with_suffix(".py").touch()
    finder.MAPPING = {"rates": str(linked)}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    assert broken("rates") is None, "the file is there"
    closed(monkeypatch, tmp_path / "home")
    refused = PermissionError(13, "Permission denied", str(linked / "__init__.py"))
    for error in (ModuleNotFoundError("no", name="rates"), refused):
        found = script_linked_packages.broken_link(error)
        assert found
        assert (found["by"], found["barrier"]) == (finder.__file__, str(tmp_path / "home"))
    elsewhere = PermissionError(13, "Permission denied", "/var/log/shop.log")
    assert script_linked_packages.broken_link(elsewhere) is None


def test_a_link_among_the_packages(site: Path, tmp_path: Path) -> None:
    """And one in the app's own folder."""
    for place in (site, tmp_path / "app"):
        place.mkdir(exist_ok=True)
        (place / "rates").symlink_to(tmp_path / "gone" / "rates")
        found = broken("rates")
        assert found
        assert (found["by"], found["barrier"]) == (str(place / "rates"), str(tmp_path / "gone"))
        (place / "rates").unlink()


def test_a_variable(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHONPATH names folders likewise."""
    monkeypatch.setenv("PYTHONPATH", f"{site}:{tmp_path / 'gone'}:")
    found = broken("rates")
    assert found
    assert (found["by"], found["path"], found["known"]) == ("PYTHONPATH", str(tmp_path / "gone"), False)


def test_a_package_whose_files_cannot_be_seen(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python takes its folder for a namespace, in which nothing is."""
    package = ModuleType("rates")
    package.__path__ = [str(tmp_path / "home" / "rates")]
    monkeypatch.setitem(sys.modules, "rates", package)
    closed(monkeypatch, tmp_path / "home")
    found = broken("rates.models")
    assert found
    assert found["barrier"] == str(tmp_path / "home")
    # One that was found comes from elsewhere: what it lacks is another matter.
    package.__file__ = str(site / "rates" / "__init__.py")
    editable(site, tmp_path / "gone")
    assert broken("rates.models") is None


def test_a_package_that_was_installed_is_not_linked(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root's pip leaves it under a strict umask: its folder is closed, and nothing leads elsewhere."""
    for place in (site, Path(sys.prefix), tmp_path / "app"):
        package = ModuleType("corsheaders")
        package.__path__ = [str(place / "corsheaders")]
        monkeypatch.setitem(sys.modules, "corsheaders", package)
        monkeypatch.setattr(os, "getcwd", lambda: str(tmp_path / "app"))
        closed(monkeypatch, place / "corsheaders")
        assert broken("corsheaders.middleware") is None, place
    # A link that leads into the environment from elsewhere is one all the same.
    (tmp_path / "away").mkdir()
    (site / "rates").symlink_to(tmp_path / "gone")
    assert broken("rates")


def test_other_errors_have_no_link(site: Path, tmp_path: Path) -> None:
    """Whatever is linked."""
    editable(site, tmp_path / "gone")
    assert script_linked_packages.broken_link(ValueError("rates")) is None
    assert script_linked_packages.broken_link(ImportError("no name")) is None
    assert script_linked_packages.broken_link(PermissionError(13, "Permission denied", 7)) is None
    assert script_linked_packages.broken_link(PermissionError("no file")) is None


def test_a_line_that_is_not_a_path(site: Path) -> None:
    """It stops nothing."""
    (site / "odd.pth").write_bytes(b"/srv/\x00odd\n")
    assert broken("rates") is None
