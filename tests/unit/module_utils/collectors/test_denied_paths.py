"""Which component of the way to a file that the app opened refuses the app's account: as root."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import denied_paths
from passable import make_passable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root asks what another account may do")


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that anybody may enter, whatever those of pytest are."""
    make_passable(tmp_path)
    return tmp_path


def seen(*errors: dict[str, str], private: str = "no") -> list[dict[str, str]]:
    """What is collected of a rehearsal whose steps ended with these errors."""
    steps = {str(number): {"error": error} for number, error in enumerate(errors)}
    stack: Any = SimpleNamespace(user="nobody", group=None, properties={"PrivateTmp": private})
    return denied_paths.collect(stack, {"steps": steps})


def denied(path: object) -> dict[str, str]:
    """The error of a step at which the app was refused a path."""
    return {"type": "PermissionError", "path": str(path)}


def test_what_may_be_read_is_asked_about_writing(open_folder: Path) -> None:
    """The need is the first that is refused, and a path is named once."""
    closed, shared = open_folder / "closed", open_folder / "shared"
    for path, mode in ((closed, 0o600), (shared, 0o644)):
        path.write_text("")
        path.chmod(mode)
    found = seen(denied(closed), denied(shared), denied(closed))
    assert [(item["path"], item["need"]) for item in found] == [(str(closed), "read"), (str(shared), "write")]
    assert found[0]["barrier"] == f"{closed} (-rw------- root:root)"


def test_a_folder_on_the_way_is_the_barrier(open_folder: Path) -> None:
    """It is named, with its mode and owner, in the place of the file."""
    folder = open_folder / "folder"
    folder.mkdir()
    (folder / "file").write_text("")
    folder.chmod(0o700)
    assert [item["barrier"] for item in seen(denied(folder / "file"))] == [f"{folder} (drwx------ root:root)"]


def test_nothing_is_said_of_what_owners_and_modes_do_not_refuse(open_folder: Path) -> None:
    """Nor of a path that is relative, of another error, of the unit's own /tmp, and of what is not there."""
    anybodys = open_folder / "anybodys"
    anybodys.write_text("")
    anybodys.chmod(0o666)
    assert seen(denied(anybodys), denied("relative"), denied(open_folder / "absent")) == []
    assert seen({"type": "FileNotFoundError", "path": str(open_folder)}) == []
    assert seen(denied("/tmp/of-the-unit"), private="yes") == []
    assert denied_paths.collect(SimpleNamespace(user="nobody", group=None, properties={}), None) == []


def test_an_account_that_nobody_knows_is_not_asked_for() -> None:
    """What cannot be looked at is not called denied."""
    stack: Any = SimpleNamespace(user="no-such-account-here", group=None, properties={})
    assert denied_paths.collect(stack, {"steps": {"load": {"error": denied("/root")}}}) == []
