"""Damaged packages: what is gone, empty or cut short is reported; what may be intended, or leads elsewhere, is not."""

from __future__ import annotations

import _ctypes
import base64
import hashlib
import shutil
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import installed_packages


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An environment with one package: two modules, one of them machine code, and a file of data."""
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (site / "shop").mkdir(parents=True)
    (site / "shop_client-1.2.dist-info").mkdir()
    (site / "shop" / "__init__.py").write_text("NAME = 'shop'\n", encoding="utf-8")
    shutil.copy(_ctypes.__file__, site / "shop" / "_fast.cpython-311-x86_64-linux-gnu.so")
    (site / "shop" / "words.txt").write_text("shop", encoding="utf-8")
    record(site, *(f"{path.relative_to(site)},sha256=x,{path.stat().st_size}" for path in (site / "shop").iterdir()))
    return site


def record(site: Path, *rows: str) -> None:
    """Have the package's RECORD list these files."""
    (site / "shop_client-1.2.dist-info" / "RECORD").write_text("\n".join(rows) + "\n", encoding="utf-8")


def reported(site: Path) -> list[tuple[str, str, str]]:
    """What is reported of it, in short."""
    return [
        (item["requirement"], item["module"], item["why"]) for item in installed_packages.damaged(str(site.parents[2]))
    ]


def test_what_is_whole_is_not_reported(site: Path) -> None:
    """Nor is what was edited, or is no module."""
    assert reported(site) == []
    (site / "shop" / "__init__.py").write_text("NAME = 'patched'\n", encoding="utf-8")
    (site / "shop" / "words.txt").unlink()
    assert reported(site) == []


@pytest.mark.parametrize(("size", "why"), [(None, "is missing"), (0, "is empty")])
def test_a_module_that_is_gone_or_empty(site: Path, size: int | None, why: str) -> None:
    """It is named as it is imported, and its package as pip takes it."""
    module = site / "shop" / "__init__.py"
    module.unlink()
    if size is not None:
        module.touch()
    assert reported(site) == [("shop_client==1.2", "shop", why)]


def test_machine_code_for_another_processor(site: Path) -> None:
    """By the processor in its header (elf(5), e_machine), and not by its name; whole as it is."""
    library = next((site / "shop").glob("*.so"))
    content = bytearray(library.read_bytes())
    assert content[18:20] != b"\x2a\x00", "this is no SuperH"
    content[18:20] = b"\x2a\x00"
    library.write_bytes(content)
    assert reported(site) == [("shop_client==1.2", "shop._fast", "is for another processor")]


def test_machine_code_that_is_cut_short(site: Path) -> None:
    """Known by its own header, whatever size was recorded: a stripped one is whole."""
    library = next((site / "shop").glob("*.so"))
    library.write_bytes(library.read_bytes()[:5000])
    assert reported(site) == [("shop_client==1.2", "shop._fast", "is cut short")]
    library.write_bytes(b"no ELF file at all")
    assert reported(site) == []


@pytest.mark.parametrize(
    "row",
    [
        "../../../../etc/gone.py,x,5",
        "/etc/gone.py,x,5",
        "gone.py",
        "gone.py,x,many",
        "gone.py,x," + "9" * 5000,
        '"gone.py',
        ",,",
        "\0.py,x,5",
    ],
)
def test_a_record_leads_nowhere_else(site: Path, row: str) -> None:
    """The environment's owner wrote it."""
    record(site, row)
    assert reported(site) == []


def test_what_came_from_no_index_is_let_be(site: Path) -> None:
    """An index may have something else by that name."""
    (site / "shop" / "__init__.py").unlink()
    (site / "shop_client-1.2.dist-info" / "direct_url.json").write_text("{}", encoding="utf-8")
    assert reported(site) == []


def test_links_are_not_followed(site: Path) -> None:
    """Neither to a file elsewhere nor in the place of the record."""
    module = site / "shop" / "__init__.py"
    module.unlink()
    module.symlink_to("/dev/null")
    assert reported(site) == []


def test_what_no_installer_brings_is_found(site: Path) -> None:
    """A file that stands in no RECORD, or that was edited since; neither Python's own parts nor bytecode."""
    venv = site.parents[2]
    digest = "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(b"NAME = 'shop'\n").digest()).decode().rstrip("=")
    record(site, f"shop/__init__.py,{digest},14", "shop_client-1.2.dist-info/RECORD,,", "../../../bin/shop,sha256=x,9")
    for path in (site / "shop").glob("_fast*"):
        path.unlink()
    (site / "shop" / "words.txt").unlink()
    (venv / "bin").mkdir()
    for name in ("pyvenv.cfg", "bin/activate", "bin/python3.11", "bin/shop"):
        (venv / name).touch()
    (site / "__pycache__").mkdir()
    (site / "__pycache__" / "x.pyc").touch()
    assert list(installed_packages.unrecorded(str(venv))) == []
    (site / "shop" / "hotfix.py").touch()
    assert list(installed_packages.unrecorded(str(venv))) == ["lib/python3.11/site-packages/shop/hotfix.py"]
    (site / "shop" / "__init__.py").write_text("NAME = 'mine'\n", encoding="utf-8")
    assert len(list(installed_packages.unrecorded(str(venv)))) == 2


@pytest.mark.parametrize(
    ("name", "requirement"),
    [("Shop-Client", "Shop-Client==1.2"), ("another", "~hop_client==1.2"), ("$(reboot)", "~hop_client==1.2")],
)
def test_a_package_that_pip_was_killed_over(site: Path, name: str, requirement: str) -> None:
    """It left a tilde in its folder's name; the package's own name is in the metadata, and fits the folder's."""
    torn = (site / "shop_client-1.2.dist-info").rename(site / "~hop_client-1.2.dist-info")
    (torn / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
    (site / "shop" / "__init__.py").unlink()
    assert reported(site) == [(requirement, "shop", "is missing")]


def test_packages_are_reported_before_what_is_in_them(site: Path) -> None:
    """Where thousands are gone, the app fails on one of the first that it imports."""
    deep = [f"shop/a/m{number}.py,sha256=x,9" for number in range(installed_packages.KEPT)]
    record(site, *deep, "shop/utils/__init__.py,sha256=x,9")
    modules = [module for _requirement, module, _why in reported(site)]
    assert (modules[0], len(modules)) == ("shop.utils", installed_packages.KEPT)


RECORD = f"""shop/__init__.py,sha256={"a" * 43},120
"shop/with, comma.py",sha256={"b" * 43},3
shop-1.0.dist-info/RECORD,,
"""


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (RECORD, True),
        ("shop-1.0.dist-info/RECORD,,\n", True),
        (RECORD.replace("shop-1.0.dist-info/RECORD,,\n", ""), False),
        (RECORD + "DB_PASSWORD=hunter2\n", False),
        (RECORD + "password,hunter2,\n", False),
        (RECORD + "a,sha256=hunter2,\n", False),
        ("", False),
        ("\x00", False),
    ],
)
def test_a_record_is_a_record_and_nothing_else(content: str, is_one: bool) -> None:
    """It lists itself, and has no line in which something else could be said."""
    assert installed_packages.is_record(content.encode()) == is_one


def test_remains_hide_what_is_installed(tmp_path: Path) -> None:
    """Metadata under a name with a tilde, of a package that is there under its own name, too; not where it is alone."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for folder, name in (("~jango-4.2.dist-info", "Django"), ("~lone-1.0.dist-info", "alone")):
        (site / folder).mkdir(parents=True)
        (site / folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n")
    (site / "~jango").mkdir()
    assert installed_packages.remains(str(tmp_path)) == []
    (site / "Django-4.2.dist-info").mkdir()
    assert installed_packages.remains(str(tmp_path)) == [str(site / "~jango-4.2.dist-info")]
