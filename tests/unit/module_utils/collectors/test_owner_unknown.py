"""When files are called the old machine's, and when nobody else than the app's account can be meant: as root."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import owner_unknown
from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.stack import nginx_workers, unowned_files
from ansible_collections.rescue502.django.plugins.module_utils.system import absent_ids, unread

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
LOST, OTHER = 5317, 5318


class Host:
    """A host with an app below a folder of its own; what its unit names is set by each test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.account = access.Account("nobody", None)
        self.account.uid = 5000
        self.home = self.root = ""
        self.answers = {"passwd": absent_ids.ABSENT, "group": absent_ids.ABSENT}
        monkeypatch.setattr(absent_ids, "look_up", lambda database, _number: self.answers[database])
        monkeypatch.setattr(nginx_workers, "user", lambda _stack: "www-data")
        monkeypatch.setattr(unowned_files, "new_group", lambda account, *_lost: account.uid)

    def put(self, name: str, uid: int, gid: int) -> str:
        """A folder that belongs to somebody; its path."""
        path = self.folder / name
        path.mkdir(parents=True)
        os.chown(path, uid, gid)
        return str(path)

    def seen(self, *barred: tuple[str, str], others: tuple[str, ...] = ()) -> Any:
        """What is collected where the app is kept from these (part, path)."""
        places = unowned_files.Places(self.home, self.root, list(others))
        self.monkeypatch.setattr(unowned_files, "places", lambda _stack, _named: places)
        stack: Any = SimpleNamespace(bind=[], word=SimpleNamespace(paths=list))
        return owner_unknown.collect(stack, [{"part": part, "path": path} for part, path in barred], [], self.account)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """An app's host."""
    return Host(tmp_path, monkeypatch)


def test_a_home_is_its_accounts(host: Host) -> None:
    """With the folder of its logs, wherever that is; what belongs to others there is no bar of this kind."""
    host.home, logs = host.put("home", LOST, LOST), host.put("logs", LOST, LOST)
    roots = host.put("home/app", 0, 0)
    seen = host.seen(("parents", host.home), ("logs", f"{logs}/x"), ("code", roots), others=(logs,))
    assert (seen["uid"], seen["gid"], seen["path"]) == (LOST, LOST, host.home)
    assert (seen["certain"], seen["bars"], seen["folders"]) == (True, ["parents"], [host.home, logs])


def test_nothing_is_said_where_nothing_is_kept_from_the_app(host: Host) -> None:
    """Code of a deployer who has left is no fault while the app can read it."""
    host.home = host.put("home", LOST, LOST)
    assert host.seen() is None
    assert host.seen(("code", host.put("home/roots", 0, 0))) is None


@pytest.mark.parametrize(
    ("uid", "gid", "account", "certain"),
    [
        # As useradd makes an account.
        (LOST, LOST, 5000, True),
        # A deployer's code, which a group may read.
        (LOST, OTHER, 5000, False),
        # An account that a distribution has for many.
        (LOST, LOST, 33, False),
    ],
)
def test_an_apps_folder_may_have_been_a_deployers(host: Host, uid: int, gid: int, account: int, certain: bool) -> None:
    """So it is given unasked only where the number was that of an account with a group of its own."""
    host.account.uid = account
    host.root = host.put("app", uid, gid)
    assert host.seen(("code", host.root))["certain"] is certain


def test_a_restored_folder_in_a_tree_that_is_right(host: Host) -> None:
    """It is named, and asked for: nobody but a person knows whose it was."""
    host.home = host.put("home", 5000, 5000)
    media = host.put("home/media", LOST, LOST)
    seen = host.seen(("media", media))
    assert (seen["path"], seen["certain"], seen["bars"], seen["folders"]) == (media, False, ["media"], [host.home])


def test_what_roots_files_do_not_name_is_not_looked_at(host: Host) -> None:
    """Uploads that the app's own settings have elsewhere."""
    host.home = host.put("home", 5000, 5000)
    assert host.seen(("media", host.put("elsewhere", LOST, LOST))) is None


@pytest.mark.parametrize("database", ["passwd", "group"])
def test_a_name_service_that_does_not_answer(host: Host, database: str) -> None:
    """Then it is unknown, which is said, and is no finding."""
    host.home = host.put("home", LOST, LOST)
    host.answers[database] = absent_ids.UNKNOWN
    assert isinstance(host.seen(("parents", host.home)), unread.Unread)


def test_a_directory_may_not_show_all(host: Host) -> None:
    """Where accounts are kept elsewhere too, a person is asked."""
    host.home = host.put("home", LOST, LOST)
    host.answers["passwd"] = absent_ids.ABSENT_HERE
    seen = host.seen(("parents", host.home))
    assert (seen["certain"], seen["elsewhere"]) == (False, True)


def test_a_known_number_is_somebodys(host: Host) -> None:
    """And of a known group nothing is given away."""
    host.home = host.put("home", LOST, LOST)
    host.answers["group"] = absent_ids.KNOWN
    assert host.seen(("parents", host.home))["gid"] is None
    host.answers["passwd"] = absent_ids.KNOWN
    assert host.seen(("parents", host.home)) is None


def test_secrets_are_not_given_to_a_group_of_many(host: Host) -> None:
    """Where the account's own group is one that a distribution has, such as nginx's, no group is changed."""
    host.monkeypatch.setattr(unowned_files, "new_group", lambda *_asked: 33)
    host.home = host.put("home", LOST, LOST)
    assert host.seen(("parents", host.home))["gid"] is None
