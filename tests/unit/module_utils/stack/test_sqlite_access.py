"""What root gives an app of SQLite's files, judged in folders of this machine, as root; and what attacks get."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account
from ansible_collections.rescue502.django.plugins.module_utils.stack import sqlite_access
from ansible_collections.rescue502.django.plugins.module_utils.stack.own_folders import OwnFolders

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
APP = Account("nobody", None)
UID, GID, OTHER = APP.uid, APP.gid, 4009
KILLED = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode=" + sys.argv[2])
database.execute("PRAGMA cache_size=1")
database.execute("BEGIN IMMEDIATE")
for number in range(300):
    database.execute("INSERT INTO page VALUES (?)", ("x" * 900,))
if sys.argv[2] == "WAL":
    database.execute("COMMIT")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The app's folder of databases, with one that is the app's."""
    folder = tmp_path / "shop" / "db"
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "site.sqlite3") as database:
        database.execute("CREATE TABLE page (name)")
    give(folder, UID, GID, 0o755)
    give(folder / "site.sqlite3", UID, GID, 0o644)
    return folder


def give(path: Path, owner: int, group: int, mode: int) -> None:
    """Make it so."""
    os.chown(path, owner, group)
    path.chmod(mode)


def leave(folder: Path, mode: str, owner: int = 0, bits: int = 0o600) -> list[Path]:
    """What a writer that was killed leaves next to the database, as that owner's."""
    subprocess.run([sys.executable, "-c", KILLED, str(folder / "site.sqlite3"), mode], check=False)
    left = [path for path in folder.iterdir() if path.name != "site.sqlite3"]
    for path in left:
        give(path, owner, owner, bits)
    return left


def judged(folder: Path, named: list[str] | None = None, name: str = "site.sqlite3") -> list[dict[str, Any]]:
    """The violations of this database, of an app whose root is the folder above."""
    own = OwnFolders(str(folder.parent), "", [], APP, named or [])
    return sqlite_access.find([str(folder / name)], APP, own, {})


def wanted(items: list[dict[str, Any]]) -> dict[str, tuple[str, str, str]]:
    """By name: the mode and the list's entry wanted, and why not."""
    return {
        os.path.basename(item["path"]): (
            item["mode"],
            item.get("acl", ""),
            item.get("objection", item.get("doubt", "")),
        )
        for item in items
    }


@pytest.mark.parametrize(("mode", "ends"), [("WAL", {"-wal", "-shm"}), ("DELETE", {"-journal"})])
def test_what_root_has_left_is_given(folder: Path, mode: str, ends: set[str]) -> None:
    """Next to the app's own database: the group, for root's group may lose what it had not."""
    assert {path.name.removeprefix("site.sqlite3") for path in leave(folder, mode)} == ends, "the fault"
    found = judged(folder)
    assert wanted(found) == {f"site.sqlite3{end}": ("0660", "", "") for end in ends}
    assert {(item["part"], item["owner"], item["group"]) for item in found} == {("database", 0, GID)}


def test_what_an_importer_has_left_stays_its_own(folder: Path) -> None:
    """An account that may write the database, and whose group uses the files: the app gets an entry."""
    leave(folder, "WAL", OTHER, 0o660)
    entry = ("0660", f"u:{UID}:rw", "")
    assert wanted(judged(folder)) == {"site.sqlite3-wal": entry, "site.sqlite3-shm": entry}


def test_nothing_is_found_where_all_is_well(folder: Path) -> None:
    """With the app's own log, without any, and where the database is missing or is none of this host's."""
    assert judged(folder) == []
    leave(folder, "WAL", UID, 0o600)
    assert judged(folder) == []
    assert judged(folder, name="missing.sqlite3") == []
    assert judged(folder, name=":memory:") == []


def test_a_database_of_the_apps_own(folder: Path) -> None:
    """It cannot be read, by its own bits: nobody else may have put it there. One that nobody may write asks."""
    give(folder / "site.sqlite3", UID, GID, 0o200)
    assert wanted(judged(folder)) == {"site.sqlite3": ("0600", "", "")}
    give(folder / "site.sqlite3", UID, GID, 0o444)
    ((mode, _acl, doubt),) = wanted(judged(folder)).values()
    assert (mode, "on purpose" in doubt) == ("0644", True)


@pytest.mark.parametrize(("bits", "expected"), [(0o600, "0660"), (0o644, "0664"), (0o020, "0660")])
def test_a_database_of_roots_asks(folder: Path, bits: int, expected: str) -> None:
    """That the settings name it does not make it the app's; and what lies next to it is in as much doubt.

    The mode that it gets serves the files which SQLite makes by it.
    """
    leave(folder, "WAL")
    give(folder / "site.sqlite3", 0, 0, bits)
    found = wanted(judged(folder))
    assert found["site.sqlite3"][0] == expected
    assert len(found) == 3
    assert all("may be somebody else's" in doubt for _mode, _acl, doubt in found.values())
    # Root's audit, in root's folder: the app could not even look.
    give(folder, 0, 0, 0o700)
    assert all("may be somebody else's" in doubt for _mode, _acl, doubt in wanted(judged(folder)).values())


def test_a_folder_of_its_own(folder: Path) -> None:
    """It is given where it holds the database alone; else it may be closed because of what else is in there."""
    give(folder, 0, 0, 0o700)
    assert wanted(judged(folder)) == {"db": ("0770", "", "")}
    (folder / "backup.key").touch()
    ((_mode, _acl, doubt),) = wanted(judged(folder)).values()
    assert "holds backup.key as well" in doubt


def test_the_apps_folder_itself_is_not_given(folder: Path) -> None:
    """A database next to manage.py: the folder holds the code; the files next to the database are given."""
    root = folder.parent
    shutil.move(folder / "site.sqlite3", root / "site.sqlite3")
    give(root, UID, GID, 0o755)
    leave(root, "DELETE")
    own = OwnFolders(str(root), "", [], APP, [])
    found = sqlite_access.find([str(root / "site.sqlite3")], APP, own, {})
    assert wanted(found) == {"site.sqlite3-journal": ("0660", "", "")}
    give(root, 0, 0, 0o755)
    (*_files, item) = sorted(
        sqlite_access.find([str(root / "site.sqlite3")], APP, own, {}), key=lambda item: -len(item["path"])
    )
    assert (item["path"], "is or holds" in item["objection"]) == (str(root), True)


def as_link(path: Path, secret: Path) -> None:
    """A link to it."""
    path.symlink_to(secret)


def as_hard_link(path: Path, secret: Path) -> None:
    """Another name of it."""
    path.hardlink_to(secret)


def as_copy(path: Path, secret: Path) -> None:
    """The very content, as when the file itself was moved there."""
    shutil.copyfile(secret, path)


def as_fifo(path: Path, _secret: Path) -> None:
    """Nothing that has content."""
    os.mkfifo(path)


def as_folder(path: Path, _secret: Path) -> None:
    """Something to look into."""
    path.mkdir()


ATTACKS: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "a link": (as_link, "is not a regular file"),
    "a hard link": (as_hard_link, "has another name elsewhere"),
    "a file of passwords": (as_copy, "is not a SQLite"),
    "a fifo": (as_fifo, "is not a regular file"),
    "a folder": (as_folder, "is not a regular file"),
}


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_get_nothing(folder: Path, attack: str, end: str) -> None:
    """/etc/shadow under the name of the database's log; and what else lies there stays as it is, too."""
    plant, why = ATTACKS[attack]
    secret = folder.parent.parent / "shadow"
    secret.write_text("root:$y$j9T$:20000:0:99999:7:::\n" * 20)
    give(secret, 0, 0, 0o600)
    leave(folder, "WAL" if end == "-journal" else "DELETE")
    (folder / f"site.sqlite3{end}").unlink(missing_ok=True)
    plant(folder / f"site.sqlite3{end}", secret)
    if not (folder / f"site.sqlite3{end}").is_symlink():
        give(folder / f"site.sqlite3{end}", 0, 0, 0o600)
    found = wanted(judged(folder))
    assert len(found) > 1
    assert all(why in objection for _mode, _acl, objection in found.values()), found


def test_a_database_elsewhere_is_not_the_apps(folder: Path, tmp_path: Path) -> None:
    """Neither by the settings' word nor by a link of the app's; a folder that root's files name is."""
    away = tmp_path / "billing"
    shutil.copytree(folder, away)
    for path in (away, away / "site.sqlite3"):
        give(path, OTHER, OTHER, 0o777)
    leave(away, "WAL")
    own = OwnFolders(str(folder.parent), "", [], APP, [])
    found = sqlite_access.find([str(away / "site.sqlite3")], APP, own, {})
    assert len(found) == 2
    assert all("outside of the app's own" in item["objection"] for item in found)
    named = OwnFolders(str(folder.parent), "", [], APP, [str(away)])
    assert not any("objection" in item for item in sqlite_access.find([str(away / "site.sqlite3")], APP, named, {}))
    (folder / "linked").symlink_to(away)
    os.chown(folder / "linked", UID, -1, follow_symlinks=False)
    assert judged(folder, name="linked/site.sqlite3") == []
    assert all("objection" in item for item in sqlite_access.find(["/etc/shadow"], APP, own, {}))


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_what_was_left_of_another_time_stays_as_it_is(folder: Path, mode: str) -> None:
    """A backup was put in the database's place: what a later writer left next to the one before would destroy it."""
    backup = (folder / "site.sqlite3").read_bytes()
    with sqlite3.connect(folder / "site.sqlite3") as database:
        for _change in range(3):
            database.execute("INSERT INTO page VALUES ('x')")
            database.commit()
    leave(folder, mode)
    assert all("objection" not in item for item in judged(folder))
    (folder / "site.sqlite3").write_bytes(backup)
    found = judged(folder)
    assert found
    assert all("was written for another state of the database" in item["objection"] for item in found)


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "a link"])
def test_a_secret_under_the_databases_name(folder: Path, attack: str) -> None:
    """What the app has moved there of root's is not a database."""
    plant, why = ATTACKS[attack]
    secret, path = folder.parent.parent / "shadow", folder / "site.sqlite3"
    secret.write_text("root:$y$j9T$:20000:0:99999:7:::\n" * 20)
    path.unlink()
    plant(path, secret)
    give(path, 0, 0, 0o600)
    assert [why in item["objection"] for item in judged(folder)] == [True]


def test_what_another_account_has_open_stays_as_it_is(folder: Path) -> None:
    """Its process is named; one of the app's own account keeps nobody from it."""
    leave(folder, "WAL")
    reader = "import sys\nfile = open(sys.argv[1], 'rb')\nprint('open', flush=True)\nsys.stdin.read()\n"
    for user, end in ((0, "-wal"), (0, ""), (UID, "")):
        # The tests' own Python may lie in a folder of root's.
        words = ["/usr/bin/python3", "-c", reader, str(folder / f"site.sqlite3{end}")]
        opened = open(words[-1], "rb")  # noqa: SIM115
        words[-1] = f"/proc/self/fd/{opened.fileno()}"
        with (
            opened,
            subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=user, pass_fds=[opened.fileno()]
            ) as process,
        ):
            assert process.stdout
            assert process.stdout.readline() == "open\n", "the fault"
            opened.close()
            found = judged(folder)
            process.communicate("")
        objections = {item.get("objection", "") for item in found}
        assert len(found) == 2
        if user:
            assert objections == {""}
        else:
            (objection,) = objections
            assert objection.startswith(f"is open in process {process.pid} of root ({words[0]} -c")
    assert {item.get("objection", "") for item in judged(folder)} == {""}
