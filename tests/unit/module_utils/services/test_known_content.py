"""Contents that git or an installer has put there, by their digests."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import known_content
from ansible_collections.rescue502.django.plugins.module_utils.services.known_content import KnownContent


def checkout(folder: Path) -> Path:
    """A checkout with one file in its index."""
    folder.mkdir()
    (folder / "urls.py").write_text("patterns = []\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "urls.py"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder


def test_what_is_in_the_index_is_known_wherever_it_lies(tmp_path: Path) -> None:
    """Its content, not its name."""
    root = checkout(tmp_path / "app")
    moved, other = tmp_path / "moved.py", root / "other.py"
    moved.write_text("patterns = []\n", encoding="utf-8")
    other.write_text("SECRET = 1\n", encoding="utf-8")
    known = KnownContent(str(root), "")
    assert known.has(str(root / "urls.py"))
    assert known.has(str(moved))
    assert not known.has(str(other))
    assert not known.has(str(root / "nosuch.py"))


def test_what_an_installer_has_recorded_is_known(tmp_path: Path) -> None:
    """By the digest in its RECORD."""
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (site / "shop-1.0.dist-info").mkdir(parents=True)
    content = b"price = 1\n"
    (site / "shop.py").write_bytes(content)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    (site / "shop-1.0.dist-info" / "RECORD").write_text(f"shop.py,sha256={digest},10\n", encoding="utf-8")
    known = KnownContent(str(tmp_path), str(tmp_path / "venv"))
    assert known.has(str(site / "shop.py"))
    assert not known.has(str(site / "shop-1.0.dist-info" / "RECORD"))


def test_no_list_and_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a checkout nothing is known, and a file that is too large is not."""
    (tmp_path / "a.py").write_text("a\n", encoding="utf-8")
    assert not KnownContent(str(tmp_path), "").has(str(tmp_path / "a.py"))
    root = checkout(tmp_path / "app")
    known = KnownContent(str(root), "")
    assert known.has(str(root / "urls.py"))
    monkeypatch.setattr(known_content, "MOST_BYTES", 3)
    assert not known.has(str(root / "urls.py"))
