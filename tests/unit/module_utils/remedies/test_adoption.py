"""Files of a number that is not an account of this host are given to the app's account, and taken back: as root."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.remedies import adoption, undo
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.system import absent_ids

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
INCIDENT = "20260131T120000Z-ab12cd"
# Nobody's here, and the account of an app.
LOST, USER = 5317, "daemon"
APP = pwd.getpwnam(USER)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that was copied by numbers, on a host whose task belongs to an incident."""
    monkeypatch.setattr(state_directory, "STATE", str(tmp_path / "state"))
    monkeypatch.setenv(state_directory.INCIDENT, INCIDENT)
    monkeypatch.setattr(absent_ids, "_remote_services", lambda _database: [])
    folder = tmp_path / "home"
    (folder / "app").mkdir(parents=True)
    (folder / "app/.env").write_text("KEY=secret")
    (folder / "app/.env").chmod(0o600)
    (folder / "current").symlink_to("app")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, LOST, LOST, follow_symlinks=False)
    folder.chmod(0o750)
    return folder


def given(home: Path, **others: Any) -> dict[str, Any]:
    """The module's parameters."""
    return {
        "folders": [str(home)], "user": USER, "group": "", "uid": LOST, "gid": LOST, "doubtful": False, **others
    }  # fmt: skip


def look(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Owner, group and mode of all that is there."""
    each = {str(path): path.lstat() for path in (folder, *folder.rglob("*"))}
    return {path: (status.st_uid, status.st_gid, status.st_mode) for path, status in each.items()}


def adopt(home: Path, **others: Any) -> adoption.Adoption:
    """Give, as the module does."""
    found = adoption.judge(given(home, **others))
    found.note()
    assert found.apply() == []
    return found


def test_given_and_taken_back(home: Path) -> None:
    """All of it, with its modes; a second time there is nothing to give; undone, all is as it was."""
    before = look(home)
    assert len(adopt(home).paths()) == 4
    assert look(home) == {path: (APP.pw_uid, APP.pw_gid, mode) for path, (_uid, _gid, mode) in before.items()}
    assert adopt(home).paths() == []
    assert undo.take_back(INCIDENT, dry=True)["left"] == []
    assert look(home) != before
    done = undo.take_back(INCIDENT, dry=False)
    assert (done["left"], look(home)) == ([], before)
    assert f"{home.parent}: owner {LOST}:{LOST} of 1 in it" in done["undone"]


def test_what_was_given_to_somebody_else_since_is_left(home: Path) -> None:
    """And the rest is taken back; what is gone by then is not missed."""
    adopt(home)
    os.chown(home / "app", 0, 0)
    (home / "current").unlink()
    done = undo.take_back(INCIDENT, dry=False)
    assert [item["why"] for item in done["left"]] == ["the owner was changed since, of app"]
    assert ((home / "app").stat().st_uid, (home / "app/.env").stat().st_uid, home.stat().st_uid) == (0, LOST, LOST)


def test_a_group_that_the_app_has_chosen_since_stays(home: Path) -> None:
    """gunicorn gives its logs the group that the unit runs it in; the owner goes back all the same."""
    adopt(home)
    os.chown(home / "app/.env", -1, 33)
    assert undo.take_back(INCIDENT, dry=False)["left"] == []
    status = (home / "app/.env").stat()
    assert (status.st_uid, status.st_gid) == (LOST, 33)


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ({"user": "root"}, "can be the system's"),
        ({"user": "nobody-of-this-name"}, "no such account"),
        ({"uid": APP.pw_uid}, "can be the system's"),
        ({"uid": 0}, "can be the system's"),
        ({"uid": 61_184}, "can be the system's, a container's"),
        ({"gid": 61_184}, "gid 61184 can be the system's"),
        ({"folders": ["/etc"]}, "the system's"),
        ({"folders": ["/etc/passwd"]}, "the system's"),
        ({"folders": ["/srv"]}, "shared with others"),
        ({"folders": ["/var/lib/no-such-folder"]}, "is not there"),
    ],
)
def test_refused(home: Path, others: dict[str, Any], why: str) -> None:
    """Nothing is given to root, of the system's own, or of what many apps share."""
    with pytest.raises(adoption.AdoptionError, match=why):
        adoption.judge(given(home, **others))


@pytest.mark.parametrize("database", ["passwd", "group"])
@pytest.mark.parametrize(
    ("answer", "doubtful", "why"),
    [
        (absent_ids.KNOWN, True, "is known on this host"),
        (absent_ids.UNKNOWN, True, "the name service does not answer"),
        (absent_ids.ABSENT_HERE, False, "may be known elsewhere"),
    ],
)
def test_a_number_that_somebody_may_have(
    home: Path, database: str, answer: str, doubtful: bool, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that was made since, one of a directory, and one of a directory that does not answer."""
    real = absent_ids.look_up
    monkeypatch.setattr(
        absent_ids, "look_up", lambda asked, number: answer if asked == database else real(asked, number)
    )
    with pytest.raises(adoption.AdoptionError, match=why):
        adoption.judge(given(home, doubtful=doubtful))


def test_a_number_that_a_process_runs_by(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a container's without a user namespace."""
    monkeypatch.setattr(absent_ids, "is_in_use", lambda uid: uid == LOST)
    with pytest.raises(adoption.AdoptionError, match="a process that runs"):
        adoption.judge(given(home))


def test_a_link_in_the_place_of_a_folder_is_refused(home: Path, tmp_path: Path) -> None:
    """The app's user may have put it there."""
    (tmp_path / "way").symlink_to(home)
    os.chown(tmp_path / "way", APP.pw_uid, APP.pw_gid, follow_symlinks=False)
    with pytest.raises(adoption.AdoptionError, match="is a link"):
        adoption.judge(given(home, folders=[str(tmp_path / "way")]))


def test_the_apps_user_gets_nothing_of_others_by_it(home: Path, tmp_path: Path) -> None:
    """Files of the same number elsewhere, root's, and what it links and moves into its folders."""
    os.chown(home, APP.pw_uid, APP.pw_gid)
    others, roots = tmp_path / "others", tmp_path / "roots"
    for path, uid in ((others, LOST), (roots, 0)):
        path.write_text("secret")
        path.chmod(0o600)
        os.chown(path, uid, uid)
    (home / "to-others").symlink_to(others)
    (home / "to-roots").symlink_to(roots)
    os.link(others, home / "others")
    os.link(roots, home / "roots")
    (home / "moved").write_text("another's")
    os.chown(home / "moved", LOST, LOST)
    found = adopt(home)
    refused = {Path(item["path"]).name: item["objection"] for item in found.refused}
    assert "the same file as one elsewhere" in refused["others"]
    assert refused["moved"] == "lies in a folder of somebody else's"
    # What a person approves is what lies there; a name of another file is never it.
    adopt(home, doubtful=True)
    assert (home / "moved").stat().st_uid == APP.pw_uid
    assert (others.stat().st_uid, roots.stat().st_uid) == (LOST, 0)


def test_a_group_of_its_own_becomes_the_accounts_own(home: Path) -> None:
    """Not that which the unit runs it in: its members, such as nginx's, must not read the app's secrets."""
    adopt(home, group="www-data")
    assert (home / "app/.env").stat().st_gid == APP.pw_gid
