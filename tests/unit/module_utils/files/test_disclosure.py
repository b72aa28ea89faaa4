"""What may be opened to the app's account: not what somebody else's file may be that was moved there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import disclosure, write_access
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account

# Who runs the tests owns all files here; the app is somebody else.
APP = Account.__new__(Account)
APP.uid, APP.gid, APP.groups, APP.capabilities = os.getuid() + 1, os.getgid() + 1, {os.getgid() + 1}, 0  # type: ignore[assignment]


def judged(path: Path, known: bool = False) -> str:
    """The doubt about a file or folder, of whose files none is known, or all are."""
    return disclosure.doubt(str(path), path.stat(), APP, lambda _path: known)


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in a folder that the app can write."""
    monkeypatch.setattr(write_access, "on_the_way", lambda path, _uid: path)
    path = tmp_path / "settings.py"
    path.write_text("SECRET", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_anothers_file_may_be_a_secret(secret: Path) -> None:
    """Unless its content is known for the app's code."""
    assert "somebody else's" in judged(secret)
    assert judged(secret, known=True) == ""


def test_the_accounts_own_file_is_no_secret(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could open it itself."""
    monkeypatch.setattr(APP, "uid", os.getuid())
    assert judged(secret) == ""


def test_what_nobody_else_can_have_put_there(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root, or the file's owner, has put it where the app looks for it."""
    monkeypatch.setattr(write_access, "on_the_way", lambda _path, _uid: "")
    assert judged(secret) == ""


def test_a_closed_folder_hides_what_is_open_in_it(secret: Path) -> None:
    """Files that stay closed are judged by themselves; bytecode is made of what is there."""
    assert judged(secret.parent) == ""
    (secret.parent / "dump.sql").write_text("rows", encoding="utf-8")
    (secret.parent / "dump.sql").chmod(0o644)
    assert "dump.sql" in judged(secret.parent)
    assert judged(secret.parent, known=True) == ""


def test_too_many_files(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody knows."""
    monkeypatch.setattr(disclosure, "MANY", 0)
    assert "too many" in judged(secret.parent, known=True)
