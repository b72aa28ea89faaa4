"""Environment files: what they hold, which are missing, and what may be a copy of one, by names that people give."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import environment

ME = pwd.getpwuid(os.geteuid()).pw_name
TEXT = "DEBUG=False\nSECRET_KEY='a b'\nexport DB_NAME=shop\n"
# As systemd 252 shows them.
FAILED = "Id=vault.service\nActiveState=failed\n\nId=network.service\nActiveState=inactive\n"


@pytest.mark.parametrize(
    "added",
    [
        "", ".bak", "~", ".old", "_backup", "-orig", ".1", ".bak.2", ".2026-11-28", ".20261128-2245", "-save-20261128",
        ".bak-2026-11-28T22:45:15Z", ".dpkg-old", ".BAK",
    ],
)  # fmt: skip
def test_names_of_copies(added: str) -> None:
    """What people, editors, dpkg and rpm add."""
    assert environment.is_copy_name(f".env{added}", ".env")


@pytest.mark.parametrize("name", [".env.example", ".env.staging", ".env.d", ".envrc", "env", "x.env", ".env.bak.gpg"])
def test_names_of_other_files(name: str) -> None:
    """A file for another purpose, or of another kind, is no copy."""
    assert not environment.is_copy_name(name, ".env")


def put(path: Path, text: str = TEXT, mode: int = 0o600, modified: float = 1000.0) -> str:
    """A file of the account that runs the tests; its path."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    os.utime(path, (modified, modified))
    return str(path)


@pytest.fixture
def backups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder in which root keeps copies."""
    folder = tmp_path / "backups"
    monkeypatch.setattr(environment, "_COPY_FOLDERS", (str(folder),))
    return folder


def test_copies_of_a_missing_file(tmp_path: Path, backups: Path) -> None:
    """Those next to it first, then the newest; none that holds nothing, that others can write, or that is a link."""
    folder = tmp_path / "app"
    named = [
        put(folder / ".env.old", modified=3000.0),
        put(folder / ".env.bak", modified=2000.0),
        put(backups / ".env", modified=9000.0),
    ]
    put(folder / ".env.1", "# nothing\n")
    put(folder / ".env.2", mode=0o602)
    (folder / ".env.3").symlink_to(".env.bak")
    found = environment.saved_copies(str(folder / ".env"), ME)
    assert [item["source"] for item in found] == named
    assert (found[0]["owner"], found[0]["modified"], found[0]["names"]) == (ME, 3000.0, 2)
    put(folder / ".env", modified=9999.0)
    assert [item["source"] for item in environment.saved_copies(str(folder / ".env"), ME)] == named, "not itself"


def stack(files: dict[str, bool], **more: Any) -> Any:
    """An app with these files, each with whether it is optional."""
    words = "\n".join(f"{path} (ignore_errors={'yes' if optional else 'no'})" for path, optional in files.items())
    properties = {"EnvironmentFiles": words, "Environment": "LANG=C TZ=UTC", "After": "vault.service basic.target"}
    facts = {
        "root": "/nonexistent", "user": ME, "env_files": list(files), "properties": properties,
        "environment": {"DEBUG": "False"}, "credentials": {}, "credentials_missing": [], "environment_problems": [],
        "environment_unread": [], "settings_module": "shop.settings",
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **more})


def test_the_section(tmp_path: Path, backups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and no values; of what is missing and required, the copy, or that there is none; who should make it."""
    monkeypatch.setattr(environment.systemd, "systemctl", lambda *_words, **_more: FAILED)
    there = put(tmp_path / "app" / "open.env", mode=0o644)
    saved = put(tmp_path / "app" / "saved.env.bak")
    missing, lost = saved[: -len(".bak")], str(tmp_path / "app" / "lost.env")
    optional = str(tmp_path / "app" / "optional.env")
    assert not backups.exists()
    files = {there: False, missing: False, lost: False, optional: True}
    found = environment.collect(stack(files, environment={"DJANGO_DEBUG": "On"}, credentials={"key": b""}))
    first = found["files"][0]
    assert (first["exists"], first["mode"], first["names"]) == (True, "0644", ["DEBUG", "SECRET_KEY"])
    assert [item["name"] for item in first["ignored"]] == ["DB_NAME"]
    assert (found["exposed"], found["missing"], found["lost"]) == ([there], [missing, lost], [lost])
    assert [(item["path"], item["source"]) for item in found["saved"]] == [(missing, saved)]
    assert found["behind_failed"] == ["vault.service"]
    assert (found["inline"], found["names"], found["debug"]) == (["LANG", "TZ"], ["DJANGO_DEBUG", "key"], True)
    assert "a b" not in str(found)


def test_nothing_is_wrong(tmp_path: Path) -> None:
    """Then no unit is asked for."""
    found = environment.collect(stack({put(tmp_path / "app.env"): False}))
    assert not any(found[name] for name in ("missing", "saved", "lost", "exposed", "debug"))
    assert "behind_failed" not in found
    assert "ignored" in found["files"][0]


@pytest.mark.parametrize(
    ("running", "names"),
    [
        ({"DB_USER": "shop", "DB_PASSWORD": "old"}, ["DB_PASSWORD"]),
        ({"DB_USER": "shop"}, ["DB_PASSWORD"]),
        ({"DB_USER": "shop", "DB_PASSWORD": "new", "HOME": "/srv"}, []),
        # Its title stands where they were, or it may not be read.
        ({"gunicorn: master [shop]": ""}, []),
        ({}, []),
    ],
)
def test_what_the_running_app_has_other_values_of(running: dict[str, str], names: list[str]) -> None:
    """Their names, and never a value."""
    assert environment.differing(running, {"DB_USER": "shop", "DB_PASSWORD": "new"}) == names
