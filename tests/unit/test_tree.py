"""Files that an app's user may rearrange while root works on them: root meets what was judged, or nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import access, safe_files, violations
from ansible_collections.rescue502.django.plugins.module_utils.files.file_look import Paths
from ansible_collections.rescue502.django.plugins.module_utils.remedies import file_access
from ansible_collections.rescue502.django.plugins.modules import restore_file

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def owned(path: Path, uid: int) -> Path:
    """The file, given away; of a link itself."""
    os.chown(path, uid, uid, follow_symlinks=False)
    return path


@as_root
def test_whose_links_are_followed(tmp_path: Path) -> None:
    """Root's, and those of the owner of what they lead to; through any number of folders and of links."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    owned(tmp_path / "theirs", NOBODY)
    (tmp_path / "theirs" / "file").touch()
    links = {"by-root": ("ours", 0), "own": ("theirs", NOBODY), "foreign": ("ours", NOBODY), "twice": ("./own/..", 0)}
    for name, (target, uid) in links.items():
        (tmp_path / name).symlink_to(target)
        owned(tmp_path / name, uid)
    (tmp_path / "loop").symlink_to("loop")
    assert safe_files.resolve(str(tmp_path / "by-root")) == str(tmp_path / "ours")
    assert safe_files.resolve(str(tmp_path / "own" / "file")) == str(tmp_path / "theirs" / "file")
    assert safe_files.resolve(str(tmp_path / "twice")) == str(tmp_path)
    for name, error in {"foreign": PermissionError, "loop": OSError, "none": FileNotFoundError}.items():
        with pytest.raises(error):
            safe_files.resolve(str(tmp_path / name))


@as_root
def test_a_foreign_link_is_not_read(tmp_path: Path) -> None:
    """As where a log of the app's leads to what only root may read; a FIFO hangs nobody."""
    (tmp_path / "shadow").write_text("secret")
    (tmp_path / "log").symlink_to("shadow")
    owned(tmp_path / "log", NOBODY)
    os.mkfifo(tmp_path / "fifo")
    for name in ("log", "fifo"):
        for read in (safe_files.text, safe_files.tail):
            with pytest.raises(OSError, match=r"link made by|neither a file"):
                read(str(tmp_path / name), 100)
    assert safe_files.tail(str(tmp_path / "shadow"), 3) == "ret"


def unreadable(folder: Path) -> dict[str, Any]:
    """What is wrong with the only file in a folder that nobody is to read."""
    account = access.Account("nobody", None)
    judged = violations.find(account, Paths(str(folder)), ["code"], 100)
    (found,) = [item for item in judged if item["path"] != str(folder)]
    return found


@as_root
@pytest.mark.parametrize("swap", ["a link", "another file", "a hard link", "nothing"])
def test_only_what_was_judged_is_repaired(tmp_path: Path, swap: str) -> None:
    """Between the look and the change the app's user puts something else there: it stays as it is."""
    target, folder = tmp_path / "shadow", tmp_path / "app"
    folder.mkdir()
    for path in (target, folder / "file.py"):
        path.touch(mode=0o600)
    os.chmod(tmp_path, 0o755)
    owned(folder, NOBODY)
    if swap == "a hard link":
        (folder / "file.py").unlink()
        os.link(target, folder / "file.py")
    item = unreadable(folder)
    if swap == "a link":
        (folder / "file.py").unlink()
        (folder / "file.py").symlink_to(target)
    if swap == "another file":
        (folder / "kept").touch()
        os.replace(folder / "kept", folder / "file.py")
    if swap != "nothing":
        with pytest.raises(OSError, match=r"place|same file|symbolic"):
            file_access.repair(item)
    else:
        file_access.repair(item)
        assert (folder / "file.py").stat().st_mode & 0o777 == 0o640
    assert (target.stat().st_uid, target.stat().st_mode & 0o777) == (0, 0o600)


@as_root
def test_only_the_copy_that_was_found_is_put_back(tmp_path: Path) -> None:
    """A link or a hard link in its place hands out nothing, and what is there already stays."""
    folder, shadow = tmp_path / "app", tmp_path / "shadow"
    folder.mkdir()
    shadow.write_text("secret")
    (folder / "copy").write_text("A=1")
    owned(folder / "copy", NOBODY)
    (folder / "link").symlink_to(shadow)
    os.link(shadow, folder / "hard")
    data = restore_file.content(str(folder / "copy"), NOBODY)
    restore_file.place(str(folder / ".env"), data, NOBODY, NOBODY, 0o640)
    assert (folder / ".env").read_text() == "A=1"
    assert (folder / ".env").stat().st_mode & 0o777 == 0o640
    for name, uid in {"link": 0, "hard": 0, "copy": 0}.items():
        with pytest.raises(OSError, match=r"no longer|symbolic"):
            restore_file.content(str(folder / name), uid)
    with pytest.raises(FileExistsError):
        restore_file.place(str(folder / ".env"), b"B=2", 0, 0, 0o640)
    assert sorted(path.name for path in folder.iterdir()) == [".env", "copy", "hard", "link"]
