"""The record of what remedies changed, and taking it back: as root of this machine, in folders of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.action.undo import lines
from ansible_collections.rescue502.django.plugins.module_utils.files import hardlink_copy, posix_acl
from ansible_collections.rescue502.django.plugins.module_utils.files.directory_handle import OpenFolder
from ansible_collections.rescue502.django.plugins.module_utils.remedies import undo
from ansible_collections.rescue502.django.plugins.module_utils.remedies.venv_swap import StagedVenv
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory, undo_log

INCIDENT = "20260131T120000Z-ab12cd"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of an app, on a host whose task belongs to an incident."""
    monkeypatch.setattr(state_directory, "STATE", str(tmp_path / "state"))
    monkeypatch.setenv(state_directory.INCIDENT, INCIDENT)
    folder = tmp_path / "app"
    folder.mkdir()
    return folder


def own(path: Path, mode: int) -> undo_log.Entry:
    """The note that a file is about to get this mode."""
    return undo_log.owner_and_mode(str(path), os.getuid(), os.getgid(), mode)


def test_outside_an_incident_nothing_is_recorded(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that is used alone leaves nothing."""
    monkeypatch.delenv(state_directory.INCIDENT)
    undo_log.note_file(str(app / "x"), b"")
    undo_log.note({"kind": "unit"})
    assert not os.path.exists(state_directory.STATE)


def test_an_access_control_list_goes_back(app: Path) -> None:
    """With the mode that it showed; but not where somebody has changed it since."""
    file = app / "settings.py"
    file.write_text("x")
    file.chmod(0o600)
    granted = posix_acl.with_user(file.stat(), (), 4001, 4)
    undo_log.note(undo_log.owner_and_mode(str(file), os.getuid(), os.getgid(), 0o640, granted))
    with file.open() as opened:
        posix_acl.write(opened.fileno(), granted)
        assert file.stat().st_mode & 0o777 == 0o640
        posix_acl.write(opened.fileno(), posix_acl.with_user(file.stat(), granted, 4002, 4))
        assert "was changed since" in undo.take_back(INCIDENT, dry=False)["left"][0]["why"]
        posix_acl.write(opened.fileno(), granted)
    assert len(undo.take_back(INCIDENT, dry=False)["undone"]) == 1
    assert (posix_acl.read(str(file)), file.stat().st_mode & 0o777) == ((), 0o600)
    assert undo.take_back(INCIDENT, dry=False)["undone"] == []


def test_a_file_that_is_gone_has_no_owner(app: Path) -> None:
    """As a log of SQLite's that it has removed itself: there is nothing to take back, and nothing left over."""
    for name in ("site.sqlite3-wal", "site.sqlite3-shm"):
        (app / name).touch(mode=0o600)
        undo_log.note(own(app / name, 0o660))
        (app / name).chmod(0o660)
    (app / "site.sqlite3-wal").unlink()
    for dry in (True, False):
        taken_back = undo.take_back(INCIDENT, dry=dry)
        assert (len(taken_back["undone"]), taken_back["left"]) == (1, [])
    assert (app / "site.sqlite3-shm").stat().st_mode & 0o777 == 0o600
    assert not (app / "site.sqlite3-wal").exists()


def test_a_mode_goes_back_through_all_its_changes(app: Path) -> None:
    """Changed twice, it is what it was at first; the second time there is nothing to do."""
    file = app / "settings.py"
    file.write_text("x")
    file.chmod(0o600)
    for mode in (0o640, 0o644):
        undo_log.note(own(file, mode))
        file.chmod(mode)
    assert undo.take_back(INCIDENT, dry=True)["left"] == []
    assert file.stat().st_mode & 0o777 == 0o644
    assert len(undo.take_back(INCIDENT, dry=False)["undone"]) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert undo.take_back(INCIDENT, dry=False)["undone"] == []


def test_one_remedy_of_several_is_taken_back(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name that the run gave it; what the others did stays, and can be taken back later."""
    for number, name in enumerate(("permissions", "restore_env_file", "permissions"), 1):
        monkeypatch.setenv(state_directory.REMEDY, f"{number}-{name}")
        undo_log.note_file(str(app / str(number)), b"new")
        (app / str(number)).write_text("new")
        undo_log.note_irreversible(f"what {number} cannot take back")
    dry = undo.take_back(INCIDENT, dry=True, remedies=["2-restore_env_file"])
    done = undo.take_back(INCIDENT, dry=False, remedies=["2-restore_env_file"])
    assert dry["undone"] == done["undone"] == [f"{app / '2'}: it was not there"]
    assert [item["what"] for item in done["by_hand"]] == ["what 2 cannot take back"]
    assert sorted(os.listdir(app)) == ["1", "3"]
    assert undo.take_back(INCIDENT, dry=False, remedies=["9-permissions"])["undone"] == []
    assert len(undo.take_back(INCIDENT, dry=False)["undone"]) == 2
    assert os.listdir(app) == []


def test_what_was_changed_since_is_left_alone(app: Path) -> None:
    """A mode, a content and a file in a new folder that somebody has changed stay so, and it is reported."""
    for name in ("mode", "content"):
        (app / name).write_text("before")
    undo_log.note(own(app / "mode", 0o644))
    (app / "mode").chmod(0o666)
    undo_log.note_file(str(app / "content"), b"after")
    (app / "content").write_text("somebody's")
    undo_log.note_folder(str(app / "new"))
    (app / "new").mkdir()
    (app / "new" / "theirs").write_text("")
    result = undo.take_back(INCIDENT, dry=False)
    assert (result["undone"], len(result["left"])) == ([], 3)
    assert (app / "content").read_text() == "somebody's"


def test_a_folder_whose_deleted_files_are_open_is_left_alone(app: Path) -> None:
    """As gunicorn's workers have theirs: the next one would have no place for its own."""
    undo_log.note_folder(str(app / "workers"))
    (app / "workers").mkdir()
    with (app / "workers" / "heartbeat").open("w"):
        (app / "workers" / "heartbeat").unlink()
        (left,) = undo.take_back(INCIDENT, dry=False)["left"]
        assert left["why"] == "a process has files of it open"
        assert (app / "workers").is_dir()
    assert len(undo.take_back(INCIDENT, dry=False)["undone"]) == 1
    assert os.listdir(app) == []


def test_contents_made_and_removed_files_go_back(app: Path) -> None:
    """Content, owner, mode and time of a file; a made one goes, a removed one comes back."""
    (app / "changed").write_text("before")
    (app / "changed").chmod(0o640)
    before = (app / "changed").stat()
    (app / "removed").write_text("only copy")
    undo_log.note_file(str(app / "changed"), b"after")
    (app / "changed").write_text("after")
    undo_log.note_file(str(app / "made"), b"new")
    (app / "made").write_text("new")
    undo_log.note_file(str(app / "removed"), None)
    (app / "removed").unlink()
    assert undo.take_back(INCIDENT, dry=False)["left"] == []
    after = (app / "changed").stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert sorted(path.name for path in app.iterdir()) == ["changed", "removed"]
    assert (app / "changed").read_text() == "before"
    kept = Path(state_directory.STATE, "undo", INCIDENT, "kept")
    assert {path.stat().st_mode & 0o777 for path in [kept, *kept.iterdir()]} == {0o700, 0o600}


def test_links_are_never_followed(app: Path) -> None:
    """The app's user has put a link in a file's place, and one in its folder's: what they lead to stays as it is."""
    secret = app.parent / "secret"
    secret.mkdir()
    (secret / "file").write_text("after")
    (secret / "file").chmod(0o644)
    (app / "folder").mkdir()
    for path in (app / "file", app / "folder" / "file"):
        path.write_text("before")
        undo_log.note(own(path, 0o644))
        undo_log.note_file(str(path), b"after")
    (app / "file").unlink()
    (app / "file").symlink_to(secret / "file")
    (app / "folder" / "file").unlink()
    (app / "folder").rmdir()
    (app / "folder").symlink_to(secret)
    result = undo.take_back(INCIDENT, dry=False)
    assert (result["undone"], len(result["left"])) == ([], 4)
    assert ((secret / "file").read_text(), (secret / "file").stat().st_mode & 0o777) == ("after", 0o644)


def test_a_file_that_was_linked_in_from_elsewhere_stays(app: Path) -> None:
    """Who can write the folder could have linked anybody's file into it."""
    app.chmod(0o777)
    (app.parent / "theirs").write_text("x")
    (app.parent / "theirs").chmod(0o644)
    (app / "file").write_text("x")
    (app / "file").chmod(0o600)
    undo_log.note(own(app / "file", 0o644))
    (app / "file").unlink()
    (app / "file").hardlink_to(app.parent / "theirs")
    assert len(undo.take_back(INCIDENT, dry=False)["left"]) == 1
    assert (app.parent / "theirs").stat().st_mode & 0o777 == 0o644


def test_set_id_bits_do_not_come_back(app: Path) -> None:
    """What is in a file may be its user's own by now: it is not made to run as another again."""
    (app / "tool").write_text("x")
    (app / "tool").chmod(0o4755)
    undo_log.note(own(app / "tool", 0o700))
    (app / "tool").chmod(0o700)
    undo.take_back(INCIDENT, dry=False)
    assert (app / "tool").stat().st_mode & 0o7777 == 0o755


def test_a_line_cut_short_is_passed_over(app: Path) -> None:
    """The power went while a note was written, so its change was never made; the notes after it count."""
    (app / "file").write_text("x")
    (app / "file").chmod(0o600)
    undo_log.note_irreversible("a migration", "migrate back")
    with open(Path(state_directory.STATE, "undo", INCIDENT, "record.jsonl"), "a") as record:
        record.write('\n{"kind": "owner_and_')
    undo_log.note(own(app / "file", 0o644))
    (app / "file").chmod(0o644)
    result = undo.take_back(INCIDENT, dry=False)
    assert len(result["undone"]) == 1
    assert result["by_hand"] == [{"what": "a migration", "by_hand": "migrate back"}]


def test_the_newest_incidents_are_kept(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest records make room for a new one."""
    for number in range(undo_log.INCIDENTS + 3):
        monkeypatch.setenv(state_directory.INCIDENT, f"20260131T1200{number:02}Z-ab12cd")
        undo_log.note({"kind": "unit", "unit": "x", "before": "enabled"})
    assert len(undo_log.known()) == undo_log.INCIDENTS
    assert undo_log.known()[0] == "20260131T120003Z-ab12cd"


def test_what_was_put_aside_is_kept(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of an incident that keeps a file's content is no rotation's to remove."""
    (app / "only").write_text("copy")
    first = "20260131T120000Z-ab12cd"
    monkeypatch.setenv(state_directory.INCIDENT, first)
    undo_log.note_file(str(app / "only"), b"after")
    for number in range(1, undo_log.INCIDENTS + 3):
        monkeypatch.setenv(state_directory.INCIDENT, f"20260131T1200{number:02}Z-ab12cd")
        undo_log.note({"kind": "unit", "unit": "x", "before": "enabled"})
    assert undo_log.known()[0] == first
    (app / "only").write_bytes(b"after")
    assert len(undo.take_back(first, dry=False)["undone"]) == 1
    assert (app / "only").read_text() == "copy"


def environment(folder: Path) -> Path:
    """Something like a virtual environment."""
    venv = folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "lib").mkdir()
    (venv / "lib" / "module.py").write_text("x = 1")
    (venv / "bin" / "tool").write_text("#!/x")
    (venv / "lib64").symlink_to("lib")
    (venv / "inward").symlink_to(venv / "lib")
    return venv


def test_a_copy_shares_files_but_no_programs(app: Path) -> None:
    """Modules are hard links, programs are not; links that led into the environment lead into the copy."""
    venv = environment(app)
    with StagedVenv(str(venv)) as staged:
        staged.begin(venv.stat(), 0o755, filled=True)
        side = Path(staged.path)
        assert (side / "lib/module.py").samefile(venv / "lib/module.py")
        assert not (side / "bin/tool").samefile(venv / "bin/tool")
        assert (side / "inward").resolve() == side / "lib"
    assert sorted(path.name for path in app.iterdir()) == ["venv"]


@pytest.mark.parametrize("exchanges", [True, False])
def test_the_new_one_takes_the_place_and_is_taken_back(
    app: Path, exchanges: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an exchange and with two renames; of the old ones two stay, elsewhere; undo puts the last one back."""
    if not exchanges:
        monkeypatch.setattr(OpenFolder, "exchange", lambda *_names: False)
    venv = environment(app)
    for number in range(4):
        with StagedVenv(str(venv)) as staged:
            staged.begin(venv.stat(), 0o755, filled=True)
            (Path(staged.path) / "lib" / f"added-{number}.py").write_text("")
            old = f"venv.rescue502-old-2026013{number}T120000Z"
            if number == 3:
                undo_log.note(
                    {"kind": "environment", "path": str(venv), "kept_at": str(app / old), "after": staged.stamp()}
                )
            staged.replace(old)
        assert (venv / "lib" / f"added-{number}.py").exists()
    assert [path.name for path in app.iterdir()] == ["venv"]
    kept = Path(state_directory.STATE) / "environments"
    assert sorted(path.name[-16:-8] for path in kept.glob("*/*")) == ["20260132", "20260133"]
    assert undo.take_back(INCIDENT, dry=False)["left"] == []
    assert sorted(path.name for path in (venv / "lib").iterdir()) == [
        "added-0.py", "added-1.py", "added-2.py", "module.py",
    ]  # fmt: skip
    assert [path.name for path in app.iterdir() if path.name.startswith(".")] == []


def test_on_another_file_system_the_old_one_stays_next_to_it(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder cannot be renamed to there; undo finds it."""
    monkeypatch.setattr(OpenFolder, "move", lambda *_names: os.rename("/proc/self", "/dev/null/x"))
    venv = environment(app)
    old = "venv.rescue502-old-20260131T120000Z"
    with StagedVenv(str(venv)) as staged:
        staged.begin(venv.stat(), 0o755, filled=True)
        (Path(staged.path) / "lib" / "added.py").write_text("")
        undo_log.note({"kind": "environment", "path": str(venv), "kept_at": str(app / old), "after": staged.stamp()})
        staged.replace(old)
    assert sorted(path.name for path in app.iterdir()) == ["venv", old]
    assert undo.take_back(INCIDENT, dry=False)["left"] == []
    assert sorted(path.name for path in app.iterdir()) == ["venv"]
    assert not (venv / "lib" / "added.py").exists()


def test_a_stamp_shows_a_change_and_not_bytecode(app: Path) -> None:
    """Python's own bytecode is no change, a new file is."""
    venv = environment(app)
    before = hardlink_copy.stamp(str(venv))
    (venv / "__pycache__").mkdir()
    (venv / "__pycache__" / "x.pyc").write_text("")
    assert hardlink_copy.stamp(str(venv)) == before
    (venv / "new.py").write_text("")
    assert hardlink_copy.stamp(str(venv)) != before


def test_what_a_host_calls_its_files_adds_no_line() -> None:
    """A name with newlines and escapes in it stays on its own line; of very many things the first are listed."""
    name = "/srv/x\n      rm -rf /\x1b[2J: its content"
    done = {"found": True, "known": [], "undone": [name] * 500, "left": [], "by_hand": [], "reload_nginx": False}
    reported = lines("web1", INCIDENT, "shop.service", done, check=False)
    assert reported[0].startswith(f"web1: {INCIDENT}: 500 as before again, 0 left alone")
    assert len(reported) == 1 + 40 + 1 + 2
    assert not [line for line in reported if line.strip().startswith("rm")]
