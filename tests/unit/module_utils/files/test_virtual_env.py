"""What is a virtual environment, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_layout


def started_by(program: Path | str) -> dict[str, str]:
    """A unit's properties."""
    return {"ExecStart": f"{{ path={program} ; argv[]={program} shop.wsgi ; ignore_errors=no ; pid=0 }}"}


def environment(folder: Path) -> Path:
    """A folder with the parts of a virtual environment that count."""
    (folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "pyvenv.cfg").touch()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The app's folder, with a start script in it."""
    (tmp_path / "shop" / "bin").mkdir(parents=True)
    (tmp_path / "shop" / "bin" / "start.sh").touch()
    return tmp_path / "shop"


def test_an_environment_is_known_by_its_parts(root: Path) -> None:
    """With pyvenv.cfg, with the packages alone, within the app's folder or not."""
    venv = environment(root / "venv")
    assert app_layout.venv(started_by(venv / "bin" / "start-shop"), str(root)) == str(venv)
    (venv / "pyvenv.cfg").unlink()
    assert app_layout.venv(started_by(venv / "bin" / "start-shop"), str(root)) == str(venv)


@pytest.mark.parametrize("name", ["gunicorn", "python", "python3.11", "uvicorn"])
def test_a_missing_environment_is_known_by_its_program(root: Path, name: str) -> None:
    """The unit names a program of Python's that is gone with it; another program may belong to anything."""
    venv = root / "venv"
    assert app_layout.venv(started_by(venv / "bin" / name), str(root)) == str(venv)
    assert app_layout.venv(started_by(venv / "bin" / "start.sh"), str(root)) == ""
    venv.mkdir()
    assert app_layout.venv(started_by(venv / "bin" / name), str(root)) == str(venv)
    (venv / "upload.png").touch()
    assert app_layout.venv(started_by(venv / "bin" / name), str(root)) == ""


@pytest.mark.parametrize("program", ["bin/start.sh", "bin/gunicorn", "../bin/gunicorn"])
def test_what_holds_the_app_is_not_its_environment(root: Path, program: str) -> None:
    """Even where it is one: replacing it would take the app away. Its Python runs the app all the same."""
    path = Path(str(root / program).replace("/shop/..", ""))
    environment(path.parents[1] / "x").rename(path.parents[1] / "was") if path.parents[1] == root else None
    (path.parents[1] / "pyvenv.cfg").touch()
    assert app_layout.venv(started_by(path), str(root)) == ""
    assert app_layout.python(started_by(path), "") == str(path.parents[1] / "bin" / "python")


@pytest.mark.parametrize(
    ("venv", "why"),
    [
        ("", "not known"),
        ("venv", "not an absolute path"),
        ("/usr/local", "the system's own"),
        ("{root}", "holds the app's folder"),
        ("{root}/..", "holds the app's folder"),
        ("{root}/bin", "is not a virtual environment"),
        ("{root}/missing", ""),
        ("{root}/venv", ""),
    ],
)
def test_objections(root: Path, venv: str, why: str) -> None:
    """What must not be filled or replaced, with the reason."""
    environment(root / "venv")
    objection = virtual_env.objection(venv.format(root=root), str(root))
    assert (why in objection) if why else not objection


def test_an_installation_of_python_is_not_replaced(root: Path, tmp_path: Path) -> None:
    """It may be filled, as always, but its standard library is nobody's to move; nor an account's own packages."""
    python, account = environment(tmp_path / "python"), environment(tmp_path / ".local")
    assert not virtual_env.objection_to_rebuild(str(python), str(root))
    (python / "lib" / "python3.11" / "os.py").touch()
    assert not virtual_env.objection(str(python), str(root))
    assert "installation of Python" in virtual_env.objection_to_rebuild(str(python), str(root))
    assert virtual_env.objection_to_rebuild(str(account), str(root))


def test_what_is_no_part_of_an_environment_is_named(root: Path) -> None:
    """An app's data, or a socket, keeps the folder from being replaced; the parts of one do not, nor our own marks."""
    venv = environment(root / "venv")
    for name in (".gitignore", "share", ".rescue502-complete"):
        (venv / name).touch()
    assert virtual_env.other_content(str(venv)) == ""
    (venv / "var").mkdir()
    assert virtual_env.other_content(str(venv)) == "var"
    assert virtual_env.other_content(str(root / "missing")) == ""


def test_environments_that_are_kept_are_no_part_of_the_app(root: Path) -> None:
    """What is walked are the app's own files; a name that only resembles ours is the app's."""
    for name in ("venv.rescue502-old-20260131T120000Z", ".venv.rescue502-new", "rescue502-older"):
        (root / name).mkdir()
        (root / name / "x.py").touch()
    found = {str(Path(entry.path).relative_to(root)) for entry in safe_files.walk(str(root)) if not entry.is_dir}
    assert found == {"bin/start.sh", "rescue502-older/x.py"}
