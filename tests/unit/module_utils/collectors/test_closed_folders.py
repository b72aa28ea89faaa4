"""Which of the files that keep the app out were closed on purpose: as root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import closed_folders
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root sees when an account expired")


@pytest.fixture(autouse=True)
def _no_account_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "expired_on", lambda _user: "")


def made(folder: Path, mode: int, owner: int = 0) -> str:
    """A folder of this mode and owner; its path."""
    path = folder / f"{mode:o}-{owner}"
    path.mkdir()
    os.chown(path, owner, 0)
    path.chmod(mode)
    return str(path)


def seen(path: str, part: str = "parents") -> dict[str, str]:
    """What is said where this keeps the app out."""
    return closed_folders.collect([{"path": path, "part": part}], "shop")


def test_a_mode_that_lets_nobody_in_is_a_decision(tmp_path: Path) -> None:
    """Of root's, in code, folders on the way, variables and logs; not of uploads, and not what a deploy leaves."""
    shut = made(tmp_path, 0)
    assert all(seen(shut, part)["path"] == shut for part in ("code", "parents", "env_file", "logs"))
    assert seen(shut, "media") == {}
    assert seen(made(tmp_path, 0o700)) == seen(made(tmp_path, 0, owner=5000)) == seen(str(tmp_path / "gone")) == {}


def test_an_account_that_has_expired_makes_it_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the mode is; an account that is kept from nothing says nothing here."""
    monkeypatch.setattr(accounts, "expired_on", lambda _user: "2026-11-01")
    found = seen(made(tmp_path, 0o700))
    assert found["why"] == "is closed to shop, whose account expired on 2026-11-01"
    assert closed_folders.collect([], "shop") == seen(found["path"], "logs") == {}
