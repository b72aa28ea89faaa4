"""Which folders and logs are the app's, by Django's settings, nginx and the unit; and what is said of each."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import files
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

NGINX = "/etc/nginx/sites-enabled/shop"
STATIC = [
    {"path": "/media/", "folder": "/srv/shop/media/", "file": NGINX},
    {"path": "/static/", "folder": "/srv/shop/static/", "file": NGINX},
]


class App:
    """An app of the account `nobody` below a folder; what is wrong with its files is set by each test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.violations: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.looked: list[Any] = []
        self.stack: Any = SimpleNamespace(
            unit="shop.service", root=str(folder), cwd=str(folder), venv="", user="nobody", group="", properties={},
            env_files=[], bind=[], static_locations=[], roots_locations=[],
            server=SimpleNamespace(errorlog="-", accesslog=""), word=SimpleNamespace(paths=list),
        )  # fmt: skip
        monkeypatch.setattr(files.nginx_workers, "user", lambda _stack: "no-such-account")
        monkeypatch.setattr(files.nginx_workers, "paths", lambda _stack, _media: ["/srv/shop/static/x"])
        monkeypatch.setattr(files.violations, "find", self.find)
        monkeypatch.setattr(files.sqlite_access, "find", lambda *_given: [])
        monkeypatch.setattr(files.owner_unknown, "collect", lambda *_given: None)
        monkeypatch.setattr(files.closed_folders, "collect", lambda *_given: [])
        monkeypatch.setattr(files.app_secrets, "holds_secret", lambda path: path.endswith(".env"))

    def find(self, _account: Any, paths: Any, parts: list[str], limit: int, glance: bool, *more: Any) -> Any:
        """What is wrong; what was looked at is kept."""
        self.looked = [paths, parts, limit, glance]
        more[1].extend(self.refused)
        return self.violations

    def wrong(self, part: str, name: str, **more: str) -> dict[str, Any]:
        """One file that the app cannot use."""
        return {"part": part, "path": str(self.folder / name), "problem": "unreadable", **more}

    def seen(self, settings: dict[str, Any] | None = None, **more: Any) -> Any:
        """The section."""
        return files.collect(self.stack, settings, **more)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app with nothing wrong."""
    return App(tmp_path, monkeypatch)


def test_media_and_static() -> None:
    """Django's own settings before nginx's locations, each for itself."""
    stack: Any = SimpleNamespace(static_locations=STATIC)
    assert files.media_and_static(stack, None) == ("/srv/shop/media", "/srv/shop/static")
    settings = {"media_root": "/srv/uploads", "static_root": ""}
    assert files.media_and_static(stack, settings) == ("/srv/uploads", "/srv/shop/static")
    stack.static_locations = []
    assert files.media_and_static(stack, None) == ("", "")


def test_log_files() -> None:
    """Gunicorn's and Django's, once; not what is no file, such as its own output."""
    stack: Any = SimpleNamespace(server=SimpleNamespace(errorlog="/var/log/shop/b.log", accesslog="-"))
    settings = {"log_files": ["/var/log/shop/a.log", "/var/log/shop/b.log", "/dev/stdout", "logs/c.log"]}
    assert files.log_files(stack, settings) == ["/var/log/shop/a.log", "/var/log/shop/b.log"]
    assert files.log_files(stack, None) == ["/var/log/shop/b.log"]


def test_folders_that_root_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what nginx serves that of the app's own site alone; sockets, and what the unit names."""
    given: list[Any] = []
    monkeypatch.setattr(files.own_folders, "named", lambda *words: given.extend(words))
    monkeypatch.setattr(files.app_files, "sockets", lambda _stack: ["/run/shop.sock"])
    other = {"path": "/blog/", "folder": "/srv/blog/", "file": "/etc/nginx/sites-enabled/blog"}
    stack: Any = SimpleNamespace(
        unit="shop.service", properties={"User": "shop"}, static_locations=[*STATIC, other],
        roots_locations=[{"file": NGINX}], word=SimpleNamespace(paths=lambda: ["/var/log/shop/b.log"]),
    )  # fmt: skip
    files.named_folders(stack)
    served = ["/srv/shop/media/", "/srv/shop/static/"]
    assert given == ["shop.service", {"User": "shop"}, served, ["/run/shop.sock", "/var/log/shop/b.log"]]


def test_what_is_wrong_by_part(app: App) -> None:
    """What is not root's to give is said apart; an environment file counts where it holds a secret."""
    code, media = app.wrong("code", "urls.py"), app.wrong("media", "a.png", objection="not the app's own")
    secret, plain = app.wrong("env_file", "shop.env"), app.wrong("env_file", "plain.txt")
    app.violations = [code, media, secret, plain]
    found = app.seen(glance=True)
    assert {part: items for part, items in found["violations"].items() if items} == {
        "code": [code],
        "env_file": [secret],
    }
    assert found["not_own"] == {"media": [media], "logs": []}
    assert found["nginx"] == {"user": "no-such-account", "paths": ["/srv/shop/static/x"]}
    assert app.looked[1:] == [list(files.PARTS), files.LIMIT, True]
    assert app.looked[0].root == str(app.folder)


def test_an_account_that_does_not_exist(app: App) -> None:
    """It can do nothing wrong."""
    app.violations, app.stack.user = [app.wrong("code", "urls.py")], "no-such-account"
    assert not any(app.seen()["violations"].values())
    assert app.looked == []


def test_what_this_account_may_not_look_at(app: App) -> None:
    """Nothing found in a part is not known then; what was found is."""
    app.violations = [app.wrong("media", "a.png")]
    found = app.seen({"media_root": ""}, settings_bar="the rehearsal: only root may")["violations"]
    assert (found["media"], found["code"]) == (app.violations, [])
    app.violations = []
    found = app.seen({"media_root": ""}, settings_bar="the rehearsal: only root may")["violations"]
    assert (isinstance(found["media"], unread.Unread), isinstance(found["logs"], unread.Unread)) == (True, True)
    assert found["code"] == []


def test_static_files(app: App) -> None:
    """A folder that is not there is as empty as one without files."""
    folder = app.folder / "static"
    assert app.seen()["static_empty"] is False, "nobody says where it is"
    assert app.seen({"static_root": str(folder)})["static_empty"] is True
    folder.mkdir()
    assert app.seen({"static_root": str(folder)})["static_empty"] is True
    (folder / "a.css").touch()
    found = app.seen({"static_root": str(folder)})
    assert (found["static_root"], found["static_empty"]) == (str(folder), False)
    app.stack.properties = {"TemporaryFileSystem": str(app.folder)}
    assert isinstance(app.seen({"static_root": str(folder)})["static_empty"], unread.Unread)


def test_logs(app: App) -> None:
    """Folders that are not there, and are not systemd's to make; no log whose folder is somebody else's."""
    there, gone = app.folder / "logs", app.folder / "gone"
    there.mkdir()
    paths = [f"{there}/a.log", f"{gone}/b.log", "/var/log/no-such-folder/c.log"]
    found = app.seen({"log_files": paths})
    assert found["log_folders_missing"] == [
        {"path": str(gone), "named": False},
        {"path": "/var/log/no-such-folder", "named": False},
    ]
    assert found["logs"] == sorted(paths)
    app.stack.properties = {"LogsDirectory": "no-such-folder"}
    app.stack.word = SimpleNamespace(paths=lambda: [f"{gone}/b.log"])
    assert app.seen({"log_files": paths})["log_folders_missing"] == [{"path": str(gone), "named": True}]
    app.violations = [app.wrong("logs", "logs", objection="not the app's own")]
    assert f"{there}/a.log" not in app.seen({"log_files": paths})["logs"]
    assert "log_folders_missing" not in app.seen({"log_files": paths[:1]})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_uploads_that_the_app_has_made(app: App) -> None:
    """Where it made some, and cannot now, something has changed."""
    folder = app.folder / "media" / "2026"
    folder.mkdir(parents=True)
    app.violations = [app.wrong("media", "media")]
    settings = {"media_root": str(app.folder / "media")}
    assert app.seen(settings)["media_was_used"] is False
    (folder / "a.png").touch()
    account = files.access.Account("nobody", None)
    os.chown(folder / "a.png", account.uid, account.gid)
    assert app.seen(settings)["media_was_used"] is True
    app.violations = []
    assert "media_was_used" not in app.seen(settings)


def test_folders_that_django_cannot_write_into(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is missing and that nobody makes, one that bars, one that is mounted for reading only."""
    for name in ("well", "barred", "fixed"):
        (app.folder / name).mkdir()
    barred = {str(app.folder / "barred"): "barred (0700 root:root)"}
    monkeypatch.setattr(files.barrier, "first", lambda path, _account, _wanted: barred.get(path, ""))
    monkeypatch.setattr(files, "_is_read_only", lambda path: path.endswith("fixed"))
    names = {"well": False, "barred": False, "fixed": False, "gone": False, "made/by/django": True}
    wanted = [{"path": str(app.folder / name), "purpose": "sessions", "made": made} for name, made in names.items()]
    found = app.seen({"file_folders": wanted})["unusable"]
    assert [(os.path.basename(item["path"]), item["missing"], item["read_only"]) for item in found] == [
        ("barred", False, False),
        ("fixed", False, True),
        ("gone", True, False),
    ]
    assert (found[0]["barrier"], found[0]["purpose"]) == ("barred (0700 root:root)", "sessions")
