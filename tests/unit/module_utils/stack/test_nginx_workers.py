"""The way of nginx's workers to the app's socket, judged while the app is down, as the next start would make it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.stack import nginx_workers
from passable import make_passable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes nginx's account")
RUNTIME = {
    "User": "daemon",
    "Group": "daemon",
    "RuntimeDirectory": "shop-502-test other",
    "RuntimeDirectoryMode": "0750",
}


def bars(path: str, groups: set[int] | None = None, **properties: str) -> list[dict[str, Any]]:
    """What keeps the account nobody, and these groups, from a socket of the unit with these properties."""
    who = access.Account("nobody", None)
    who.groups |= groups or set()
    stack: Any = SimpleNamespace(properties=properties)
    return nginx_workers.obstacles(path, who, stack)


def test_a_folder_that_the_next_start_makes() -> None:
    """By the unit's own mode and group, while nothing is there."""
    socket = "/run/shop-502-test/app.sock"
    (bar,) = bars(socket, **RUNTIME)
    assert (bar["path"], bar["mode"], bar["group"], bar["by_group"]) == ("/run/shop-502-test", "0750", "daemon", True)
    assert bar["made_at_start"] is True
    assert bars(socket, groups={access.Account("daemon", None).gid}, **RUNTIME) == []
    assert bars(socket, **{**RUNTIME, "RuntimeDirectoryMode": "0755"}) == []
    assert bars(socket, **{**RUNTIME, "User": "no-such-account"}) == [], "that is another failure"
    assert bars("/run/nobodys-502-test/app.sock", **RUNTIME) == [], "nobody makes it"


def test_a_folder_that_is_there_without_its_socket(tmp_path: Path) -> None:
    """As in a release, while the app is down: who may enter it is known."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o750)
    make_passable(tmp_path.parent)
    tmp_path.chmod(0o755)
    (bar,) = bars(str(folder / "app.sock"))
    assert (bar["path"], bar["mode"], bar["made_at_start"]) == (str(folder), "0750", False)
    folder.chmod(0o755)
    assert bars(str(folder / "app.sock")) == []
