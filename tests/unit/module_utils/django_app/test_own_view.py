"""What a unit gives the app beyond its account: capabilities, and a view of the files of its own."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import own_view
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account, own_mounts
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question

MOUNTS = {
    "BindReadOnlyPaths": ("/srv/r7:/srv/shop:rbind -/etc/ssl", ["/srv/shop", "/etc/ssl"]),
    "BindPaths": ("/srv/uploads", ["/srv/uploads"]),
    "TemporaryFileSystem": ("/var/www:mode=0755 /opt", ["/var/www", "/opt"]),
    "RootDirectory": ("/srv/chroot", ["/"]),
    "ProtectHome": ("tmpfs", ["/home", "/root", "/run/user"]),
    "ReadOnlyPaths": ("/srv", []),
}


def stack(properties: dict[str, str]) -> Any:
    """An app in /srv/shop, whose unit has these properties and does not run."""
    return SimpleNamespace(
        root="/srv/shop", venv="/srv/venv", cwd="/srv/shop", user="nobody", group="", properties=properties
    )


@pytest.mark.parametrize("option", MOUNTS)
def test_where_a_unit_sees_other_files(option: str) -> None:
    """As systemd prints the options."""
    text, expected = MOUNTS[option]
    assert list(own_mounts({option: text})) == expected


@pytest.mark.parametrize(
    ("bind", "given"),
    [("/x:/srv/shop", True), ("/x:/srv", True), ("/x:/srv/venv/lib", True), ("/x:/srv/shopping", False)],
)
def test_a_view_of_the_apps_own_files(bind: str, given: bool) -> None:
    """At its paths, above or below them; without a process that has it, nothing can be looked at."""
    assert own_view.is_given(stack({"BindPaths": bind})) is given
    assert own_view.is_out_of_reach(stack({"BindPaths": bind})) is given


def test_what_lies_there_is_not_judged(tmp_path: Path) -> None:
    """Of a unit that does not run: what is under its mount on the host is no file of the app's."""
    (tmp_path / "stub").touch(mode=0o600)
    status = (tmp_path / "stub").stat()
    for folder, known in ((tmp_path, False), (tmp_path / "elsewhere", True)):
        with KernelAccess(Account.of_unit("nobody", None, {"BindPaths": f"/x:{folder}"})) as kernel:
            assert bool(kernel.denied([Question(str(tmp_path / "stub"), status, 4)])) is known


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_a_program_has_what_the_unit_gives(tmp_path: Path) -> None:
    """The account's ids, the capability, its folder, and the environment, which root's own part of the way has not."""
    (tmp_path / "secret").write_text("read", encoding="utf-8")
    (tmp_path / "secret").chmod(0o600)
    for parent in (tmp_path, *tmp_path.parents):
        parent.chmod(parent.stat().st_mode | 0o011)
    who = own_view.account(stack({"AmbientCapabilities": "cap_dac_override"}))
    assert who is not None
    read_end, write_end = os.pipe()
    script = f'{{ id -u; pwd; cat secret; echo "$VARIABLE"; }} >&{write_end}'
    words, environment = ["/bin/bash", "-c", script], {"VARIABLE": "é", "LD_PRELOAD": "", "PATH": "/usr/bin:/bin"}
    process = own_view.start(who, words, environment, str(tmp_path), (write_end,))
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8") as file:
        assert file.read() == f"{who.uid}\n{tmp_path}\nreadé\n"
    assert process.wait() == 0
    assert own_view.account(stack({"AmbientCapabilities": ""})) is None
