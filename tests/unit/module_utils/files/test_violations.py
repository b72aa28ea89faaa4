"""Which of an app's files its account must be able to use, and for what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import violations
from ansible_collections.rescue502.django.plugins.module_utils.files.file_look import Paths
from ansible_collections.rescue502.django.plugins.module_utils.stack.own_folders import OwnFolders
from odd_files import GROUP, MORE, OTHER, account, made

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An app of root's that everybody may read."""
    (tmp_path / "shop").mkdir(mode=0o755)
    made(tmp_path / "shop" / "manage.py", 0, 0, 0o644)
    return tmp_path / "shop"


def found(root: Path, part: str, media: str = "") -> list[str]:
    """Paths below the app's folder that are violated in this part; with what keeps root from repairing them."""
    own = OwnFolders(str(root), "", [], account(), [])
    items = violations.find(account(), Paths(str(root), media=media), [part], 100, own=own)
    return sorted(f"{os.path.relpath(item['path'], root)}: {item.get('objection', '')}".rstrip(": ") for item in items)


def test_code_is_what_is_imported_and_shown(root: Path) -> None:
    """What else is root's alone may be so on purpose: keys, dumps, and folders without any code."""
    for name in ("shop", "templates", "backups", ".ssh"):
        (root / name).mkdir(mode=0o700)
    for name in (
        "shop/urls.py",
        "templates/page.html",
        "backups/all.sql",
        ".ssh/id_rsa",
        "deploy.key",
        "accounts.json",
    ):
        made(root / name, 0, 0, 0o600)
    assert found(root, "code") == ["shop", "shop/urls.py", "templates", "templates/page.html"]


def test_a_file_in_the_style_of_the_others(root: Path) -> None:
    """It gets the group that most of the code has, where the account is in it."""
    for number in range(3):
        made(root / f"{number}.py", OTHER, MORE, 0o640)
    made(root / "edited.py", 0, 0, 0o600)
    (item,) = violations.find(account(), Paths(str(root)), ["code"], 100)
    assert (item["owner"], item["group"], item["mode"]) == (0, MORE, "0640")
    assert account().gid == GROUP


def test_a_release_behind_a_link_is_judged(root: Path) -> None:
    """As `current` leads to one; and the folders above it, too."""
    made(root / "urls.py", 0, 0, 0o600)
    current = root.parent / "current"
    current.symlink_to("shop")
    items = violations.find(account(), Paths(str(current)), ["code"], 100)
    assert [item["path"] for item in items] == [str(root / "urls.py")]


def test_media_is_never_the_app_itself(root: Path) -> None:
    """MEDIA_ROOT = BASE_DIR: one finding that is left to a person; and the code is code all the same."""
    made(root / "urls.py", 0, 0, 0o600)
    for media in (root, root.parent):
        (reported,) = found(root, "media", media=str(media))
        assert "is or holds" in reported
        assert found(root, "code", media=str(media)) == ["urls.py"]


def test_what_is_no_upload_stays_out(root: Path) -> None:
    """Repositories, environments and files of secrets among the uploads."""
    media = root / "media"
    for name in ("site/.git", "tool/bin", "albums"):
        (media / name).mkdir(parents=True)
    for name in (".env", "site/.env.local", "site/.git/config", "tool/pyvenv.cfg", "tool/bin/run", "albums/photo.jpg"):
        made(media / name, 0, 0, 0o600)
    assert found(root, "media", media=str(media)) == [
        "media", "media/albums", "media/albums/photo.jpg", "media/site",
    ]  # fmt: skip
    made(media / "views.py", 0, 0, 0o644)
    assert all("holds programs that are not the app's" in item for item in found(root, "media", media=str(media)))
