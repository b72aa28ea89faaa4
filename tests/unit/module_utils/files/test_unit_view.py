"""Paths as a unit with mounts of its own sees them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import unit_view
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

OWN = {
    "a root of its own": ({"RootDirectory": "/srv/jail"}, "/srv/shop", True),
    "an image": ({"RootImage": "/srv/shop.raw"}, "/etc/hosts", True),
    "a bind": ({"BindReadOnlyPaths": "/x:/srv/shop"}, "/srv/shop/app", True),
    "a bind next to it": ({"BindPaths": "/x:/srv/shop"}, "/srv/shopping", False),
    "an empty folder": ({"TemporaryFileSystem": "/var/cache:ro"}, "/var/cache/shop", True),
    "its own /tmp": ({"PrivateTmp": "yes"}, "/tmp/sessions", True),
    "its own /var/tmp": ({"DynamicUser": "yes"}, "/var/tmp", True),
    "not /tmp": ({"PrivateTmp": "yes"}, "/srv/tmp", False),
    "empty homes": ({"ProtectHome": "tmpfs"}, "/home/shop/app", True),
    "the host's": ({"PrivateTmp": "no", "ProtectHome": "read-only"}, "/home/shop/app", False),
}


@pytest.mark.parametrize("way", OWN)
def test_where_a_unit_has_its_own(way: str) -> None:
    """By systemd's options; without a process to look through, nothing is known there."""
    properties, path, own = OWN[way]
    assert unit_view.is_own(path, properties) is own
    assert unit_view.reached(path, properties) == (None if own else path)


def test_a_process_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that is there."""
    monkeypatch.setattr(sockets, "unit_pids", lambda _properties: [2**22 + 1, os.getpid()])
    found = unit_view.reached("/etc", {"RootDirectory": "/srv/jail"})
    assert found == f"/proc/{os.getpid()}/root/etc"


LINKS = {
    "none": ("/srv/app", "/srv/app"),
    "absolute": ("/srv/current/app", "/srv/r7/app"),
    "relative": ("/srv/next/app", "/srv/r7/app"),
    "through the root": ("/srv/out/srv/r7", "/srv/r7"),
    "what is not there": ("/srv/gone/app/../x", "/srv/gone/x"),
}


@pytest.mark.parametrize("way", LINKS)
def test_links_are_followed_below_the_root(tmp_path: Path, way: str) -> None:
    """An absolute one too, and none leads out of it."""
    (tmp_path / "srv" / "r7").mkdir(parents=True)
    for name, target in (("current", "/srv/r7"), ("next", "r7"), ("out", "../../../..")):
        (tmp_path / "srv" / name).symlink_to(target)
    path, expected = LINKS[way]
    assert unit_view.below(str(tmp_path), path) == f"{tmp_path}{expected}"


def test_links_in_a_circle(tmp_path: Path) -> None:
    """They end."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("/a")
    with pytest.raises(OSError, match="too many links"):
        unit_view.below(str(tmp_path), "/a")
