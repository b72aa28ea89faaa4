"""Folders of the app's sockets that its unit's sandbox has closed: the kernel is asked through a process within it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import closed_folders


def test_what_is_read_only_there_and_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what is read-only for all, nor what cannot be asked, nor an address without a folder."""
    binds = [{"path": path} for path in (f"{tmp_path}/a/x", f"{tmp_path}/a/y", f"{tmp_path}/b/x", "")]
    stack: Any = SimpleNamespace(bind=binds)
    read_only = {f"/proc/7/root{tmp_path}/a", f"/proc/7/root{tmp_path}/b", f"{tmp_path}/b"}

    def asked(path: str) -> Any:
        return SimpleNamespace(f_flag=os.ST_RDONLY if path in read_only else 0)

    monkeypatch.setattr(os, "statvfs", asked)
    assert closed_folders.find(stack, "7") == [f"{tmp_path}/a"]


def test_a_process_that_is_gone() -> None:
    """It says nothing."""
    assert closed_folders.find(SimpleNamespace(bind=[{"path": "/tmp/x"}]), "0") == []  # type: ignore[arg-type]
