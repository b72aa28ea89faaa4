"""Folders for temporary files that not every account can use."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.storage import temporary_folders


@pytest.mark.parametrize(("mode", "is_wrong"), [(0o1777, False), (0o755, True), (0o777, True), (0o1700, True)])
def test_its_mode(tmp_path: Path, mode: int, is_wrong: bool) -> None:
    """1777: everybody may make files, and remove none of others."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    folder.chmod(mode)
    found = temporary_folders.wrong((str(folder),))
    assert [item["mode"] for item in found] == ([f"{mode:04o}"] if is_wrong else [])


def test_one_that_is_not_there_is_wrong_and_a_link_is_not_judged(tmp_path: Path) -> None:
    """Where a link leads, somebody has decided."""
    (tmp_path / "link").symlink_to("/nowhere")
    found = temporary_folders.wrong((str(tmp_path / "gone"), str(tmp_path / "link")))
    assert [(item["path"], item["missing"]) for item in found] == [(str(tmp_path / "gone"), True)]
