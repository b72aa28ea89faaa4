"""Which file of requirements is in use: the one that fits what is installed, or a person decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import requirements_files

INSTALLED = {"django": "4.2.16", "gunicorn": "23.0.0", "python-slugify": "8.0.4", "psycopg": "3.2.3"}
PRODUCTION = "Django==4.2.16\ngunicorn==23.0.0\npython-slugify==8.0.4\npsycopg[binary]==3.2.3\n"
OLD = "Django==3.2.1\ngunicorn==20.1.0\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The app's folder, at the top of a checkout."""
    (tmp_path / ".git").mkdir()
    return tmp_path


def put(root: Path, **files: str) -> None:
    """Write files of requirements; two underscores stand for a folder, one for a hyphen."""
    for name, text in files.items():
        path = root / (name.replace("__", "/").replace("_", "-") + ".txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def chosen(root: Path, installed: dict[str, str] = INSTALLED, absent: str = "") -> tuple[str, bool]:
    """(the file from the app's folder on, whether it is shown to be the one in use)."""
    choice = requirements_files.choose(str(root), installed, {absent}.__contains__ if absent else None)
    return str(Path(choice.path).relative_to(root)) if choice.path else "", choice.proved


def test_the_only_one_is_in_use(root: Path) -> None:
    """Whether all of it is installed or not; none where there is none, and none that hardly fits."""
    assert chosen(root) == ("", False)
    put(root, requirements=PRODUCTION)
    assert chosen(root) == ("requirements.txt", True)
    assert chosen(root, {}) == ("requirements.txt", True)
    put(root, requirements=OLD)
    assert chosen(root) == ("requirements.txt", False)


def test_an_old_one_is_not(root: Path) -> None:
    """However usual its name is."""
    put(root, requirements=OLD, requirements__production=PRODUCTION)
    assert chosen(root) == ("requirements/production.txt", True)
    lacking = {name: version for name, version in INSTALLED.items() if name != "python-slugify"}
    assert chosen(root, lacking) == ("requirements/production.txt", True)


def test_a_file_of_another_name_in_the_folder(root: Path) -> None:
    """One that holds nothing but requirements counts; what only ends in .txt does not."""
    put(root, requirements=OLD, production=PRODUCTION, robots="User-agent: *\nDisallow:\n", words="one\ntwo\n")
    assert chosen(root) == ("production.txt", True)
    names = [Path(path).name for path in requirements_files.candidates(str(root))]
    assert names == ["requirements.txt", "production.txt"]


def test_files_that_include_each_other(root: Path) -> None:
    """The largest one of which all is installed; a developer's, of which a part is not, is another one."""
    base = "Django==4.2.16\npython-slugify==8.0.4\n"
    put(root, requirements__base=base, requirements__dev="-r base.txt\npytest==8.0.0\nruff==0.5.0\n")
    put(root, requirements__production="-r base.txt\ngunicorn==23.0.0\npsycopg[binary]==3.2.3\n")
    assert chosen(root) == ("requirements/production.txt", True)


def test_where_two_fit_a_person_decides(root: Path) -> None:
    """Unless one of them alone names what is missing, or nothing is known of what was installed."""
    lacking = {name: version for name, version in INSTALLED.items() if name != "python-slugify"}
    put(root, requirements="Django==4.2.16\ngunicorn==23.0.0\nold-lib==1.0\n", requirements__next=PRODUCTION[:-24])
    assert chosen(root, lacking)[1] is False
    assert chosen(root, lacking, absent="python-slugify") == ("requirements/next.txt", True)
    assert chosen(root, {})[1] is False


def test_what_includes_leads_to_stays_in_the_checkout(root: Path) -> None:
    """Of a file elsewhere, such as a secret one, no line is read."""
    (root.parent / "outside.txt").write_text("secret==1\n", encoding="utf-8")
    put(
        root, requirements=f"-r ../outside.txt\n-r {root.parent}/outside.txt\n-r requirements.txt\nDjango==4.2.16 # x\n"
    )
    assert requirements_files.lines(str(root / "requirements.txt"), str(root)) == ["Django==4.2.16"]


def test_pins() -> None:
    """Exact versions alone; what a condition may leave out shows nothing."""
    found = [
        "A.b_c==1.0",
        "d[x] == 2",
        "e>=3",
        "f==4.*",
        'g==5 ; python_version < "3.9"',
        "h===6",
        "i @ https://x/i.whl",
    ]
    assert requirements_files.pins(found) == {"a-b-c": "1.0", "d": "2", "h": "6"}
    assert requirements_files.is_same("4.2", "4.2.0")
    assert not requirements_files.is_same("4.2", "4.20")
