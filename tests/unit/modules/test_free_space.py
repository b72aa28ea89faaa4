"""Room is made with as little as will do, and a limit is raised within what can be granted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.modules import file_limit, free_space


def test_no_more_goes_than_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File after file, until there is room."""
    items: list[dict[str, Any]] = []
    for number in range(5):
        path = tmp_path / f"app.log.{number}"
        path.write_text("x")
        items.append({"path": str(path), "device": 7, "bytes": 1})
    monkeypatch.setattr(free_space, "short_of_space", lambda *_: {7: "/"} if len(list(tmp_path.iterdir())) > 2 else {})
    removed = free_space.remove(items, ["/"], 10)
    assert [item["path"] for item in removed] == [item["path"] for item in items[:3]]


def test_other_file_systems_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies on a file system that has room stays, and so does what cannot be removed."""
    (tmp_path / "a.log.1").write_text("x")
    monkeypatch.setattr(free_space, "short_of_space", lambda *_: {7: "/"})
    elsewhere = {"path": str(tmp_path / "a.log.1"), "device": 8, "bytes": 1}
    gone = {"path": str(tmp_path / "gone"), "device": 7, "bytes": 1}
    assert free_space.remove([elsewhere, gone], ["/"], 10) == []
    assert (tmp_path / "a.log.1").exists()


def test_need_is_of_space_or_inodes(tmp_path: Path) -> None:
    """A percentage that nothing has is needed, one that everything has is not; a place that is not there is skipped."""
    assert free_space.short_of_space([str(tmp_path), "/not/there"], 101) == {tmp_path.stat().st_dev: str(tmp_path)}
    assert free_space.short_of_space([str(tmp_path)], 0) == {}


def test_the_limit_is_written_whole(tmp_path: Path) -> None:
    """In a folder that is made for it, readable by all, with nothing left next to it."""
    path = tmp_path / "shop.service.d" / file_limit.NAME
    file_limit.write(str(path), file_limit.TEXT.format(limit=5))
    assert "LimitNOFILE=5\n" in file_limit.read(str(path))
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]
    assert file_limit.read(str(path.with_name("none"))) == ""
    assert file_limit.grantable() > 0
