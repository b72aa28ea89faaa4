"""What a mount hides is looked for in the file system below it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, hidden_paths


def test_what_is_there_is_not_hidden(tmp_path: Path) -> None:
    """Nor what is below no mount point, nor what the file system below has not either."""
    assert hidden_paths.mount_over(str(tmp_path)) == ""
    assert hidden_paths.mount_over(str(tmp_path / "none")) == ""


def test_a_place_in_an_opened_folder(tmp_path: Path) -> None:
    """Behind a link anything may be."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("/nowhere")
    top = os.open(tmp_path, os.O_PATH)
    try:
        found = [hidden_paths._exists(names, top) for names in (["a", "b"], ["a", "c"], ["link", "c"])]
    finally:
        os.close(top)
    assert found == [True, False, True]


def test_the_mount_point_nearest_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of what is there below it is asked; the root is no mount over anything."""
    monkeypatch.setattr(filesystems, "mount_points", lambda: ["/no-srv/shop/run", "/no-srv/shop", "/no-srv", "/"])
    below = {("/no-srv", "/no-srv/shop/venv")}
    monkeypatch.setattr(hidden_paths, "_is_below", lambda point, path: (point, path) in below)
    assert hidden_paths.mount_over("/no-srv/shop/venv") == "/no-srv"
    assert hidden_paths.mount_over("/no-srv/shop/other") == ""
