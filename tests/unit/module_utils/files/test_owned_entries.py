"""Which entries of a tree belong to numbers that are given away: as root, with real files, links and mounts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import owned_entries
from ansible_collections.rescue502.django.plugins.module_utils.files.owned_entries import Numbers
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
LOST, OTHER, APP = 5317, 5318, 5319
NUMBERS = Numbers(LOST, LOST, APP, APP)


def put(path: Path, uid: int = LOST, gid: int = LOST, mode: int = 0o644) -> Path:
    """A file that belongs to somebody."""
    path.write_text("text")
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def folder(path: Path, uid: int = LOST, gid: int = LOST, mode: int = 0o755) -> Path:
    """A folder that belongs to somebody."""
    path.mkdir()
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def found(top: Path) -> dict[str, tuple[str, str]]:
    """(objection, doubt) of each entry by its path below the top, in the order in which they are found."""
    mounts = frozenset(filesystems.mount_points())
    each = [(item.path, entry) for item in owned_entries.find(str(top), NUMBERS, mounts) for entry in item.entries]
    return {
        os.path.relpath(os.path.join(path, entry.name), top): (entry.objection, entry.doubt) for path, entry in each
    }


def give_all(top: Path) -> None:
    """Give away what nothing speaks against."""
    for item in owned_entries.find(str(top), NUMBERS, frozenset(filesystems.mount_points())):
        for entry in item.entries:
            if not entry.objection:
                owned_entries.give(item.path, entry)


def test_just_the_entries_of_these_numbers(tmp_path: Path) -> None:
    """Owner and group each for itself, links among them; what is other people's, and all modes and contents, stay."""
    top = folder(tmp_path / "app", mode=0o750)
    put(top / "secrets", mode=0o600)
    put(top / "others", OTHER, OTHER, 0o640)
    put(top / "roots", 0, LOST, 0o640)
    put(top / "of-a-known-group", LOST, OTHER)
    folder(top / "inner", mode=0o2755)
    put(top / "inner/file")
    (top / "link").symlink_to(tmp_path / "outside")
    os.chown(top / "link", LOST, LOST, follow_symlinks=False)
    put(tmp_path / "outside")
    os.mkfifo(top / "pipe")
    os.chown(top / "pipe", LOST, LOST)
    assert list(found(top)) == ["inner/file", "inner", "link", "of-a-known-group", "roots", "secrets", "."]
    modes = {path: path.lstat().st_mode for path in sorted(tmp_path.rglob("*"))}
    give_all(top)
    owners = {path.name: (path.lstat().st_uid, path.lstat().st_gid) for path in [top, *top.rglob("*")]}
    assert owners == {
        "app": (APP, APP), "secrets": (APP, APP), "others": (OTHER, OTHER), "roots": (0, APP), "pipe": (LOST, LOST),
        "of-a-known-group": (APP, OTHER), "inner": (APP, APP), "file": (APP, APP), "link": (APP, APP),
    }  # fmt: skip
    assert (tmp_path / "outside").stat().st_uid == LOST, "no link is followed"
    assert modes == {path: path.lstat().st_mode for path in sorted(tmp_path.rglob("*"))}
    assert found(top) == {}, "a second time there is nothing to give"


def test_mounts_in_the_tree_are_not_entered(tmp_path: Path) -> None:
    """Neither another file system, nor a folder or file of the same one that is bound there."""
    top, outside = folder(tmp_path / "app"), folder(tmp_path / "outside")
    put(outside / "file")
    for name in ("bound", "memory"):
        folder(top / name)
    put(top / "bound-file")
    script = f"""
        mount --bind {outside} {top}/bound && mount --bind {outside}/file {top}/bound-file &&
        mount -t tmpfs tmpfs {top}/memory && touch {top}/memory/file && chown {LOST} {top}/memory/file {top}/memory &&
        exec {{python}} -c "$SOURCE"
    """
    source = f"""
import sys
sys.path[:0] = {[path for path in __import__("sys").path if path]!r}
from ansible_collections.rescue502.django.plugins.module_utils.files import owned_entries
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems
numbers = owned_entries.Numbers({LOST}, {LOST}, {APP}, {APP})
for item in owned_entries.find({str(top)!r}, numbers, frozenset(filesystems.mount_points())):
    print(*(f"{{item.path}}/{{entry.name}}" for entry in item.entries), sep="\\n")
"""
    words = ["unshare", "--mount", "sh", "-ec", script.replace("{python}", __import__("sys").executable)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "SOURCE": source})
    if "unshare" in done.stderr:
        pytest.skip("no mounts can be made here")
    assert done.stdout.split() == [str(top)], done.stderr


def test_what_is_linked_in_from_elsewhere_stays(tmp_path: Path) -> None:
    """A file with another name is given only where nobody of this host can have put this name there."""
    elsewhere, top = put(tmp_path / "elsewhere"), folder(tmp_path / "app")
    folder(top / "apps-own", APP, APP)
    folder(top / "open", mode=0o777)
    folder(top / "closed")
    for name in ("apps-own", "open", "closed"):
        os.link(elsewhere, top / name / "file")
    assert elsewhere.stat().st_nlink == 4
    judged = found(top)
    assert "the same file as one elsewhere" in judged["apps-own/file"][0]
    assert "the same file as one elsewhere" in judged["open/file"][0]
    assert judged["closed/file"] == ("", ""), "only who had the number, or root, can have linked it there"


def test_what_somebody_may_have_moved_there_is_doubtful(tmp_path: Path) -> None:
    """Who can write a folder can bring files of others there, from another one that he can write."""
    top = folder(tmp_path / "app")
    for name, uid, gid, mode in (
        ("apps-own", APP, APP, 0o755), ("open", LOST, LOST, 0o1777), ("group's", LOST, OTHER, 0o2775),
        ("lost-group's", LOST, LOST, 0o2775), ("roots", 0, 0, 0o755),
    ):  # fmt: skip
        put(folder(top / name, uid, gid, mode) / "file")
    assert {name for name, (_objection, doubt) in found(top).items() if doubt} == {
        "apps-own/file",
        "open/file",
        "group's/file",
    }


def test_what_runs_as_its_owner_stays(tmp_path: Path) -> None:
    """The kernel would take the bit away, and all who start the program would be the app."""
    top = folder(tmp_path / "app")
    put(top / "setuid", mode=0o4755)
    put(top / "setgid", mode=0o2755)
    assert all("runs as its owner" in found(top)[name][0] for name in ("setuid", "setgid"))


def test_a_file_in_the_place_of_the_one_that_was_judged_stays(tmp_path: Path) -> None:
    """Or a link to somebody else's: what was judged must still be there, and still be the number's."""
    top, outside = folder(tmp_path / "app"), put(tmp_path / "outside", 0, 0, 0o600)
    put(top / "file")
    (judged,) = [item for item in owned_entries.find(str(top), NUMBERS, frozenset()) if item.path == str(top)]
    for replace in (lambda: (top / "file").symlink_to(outside), lambda: os.link(outside, top / "file")):
        (top / "file").unlink()
        replace()
        with pytest.raises(OSError, match="another file"):
            owned_entries.give(str(top), judged.entries[0])
    assert outside.stat().st_uid == 0


def test_a_part_of_a_tree_is_not_judged_for_the_whole(tmp_path: Path) -> None:
    """Of too many files, or of a folder that is too deep, nothing is given."""
    top = folder(tmp_path / "app")
    for number in range(5):
        put(top / str(number))
    with pytest.raises(OSError, match="too many"):
        list(owned_entries.find(str(top), NUMBERS, frozenset(), many=4))
