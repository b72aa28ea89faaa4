"""The least change of a file that gives one account what it needs: nobody loses, and nobody else gains."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import file_look, least_change, posix_acl
from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, READ, WRITE, Account
from ansible_collections.rescue502.django.plugins.module_utils.files.least_change import Change
from ansible_collections.rescue502.django.plugins.module_utils.remedies import file_access
from odd_files import GROUP, MORE, NEEDS, OTHER, UID, account, denied, made

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
CHANGES = {
    "its own bit": ((UID, OTHER, 0o040), READ, Change(UID, OTHER, 0o440)),
    "a bit of its group's": ((OTHER, MORE, 0o600), READ, Change(OTHER, MORE, 0o640)),
    "to write, too": ((OTHER, GROUP, 0o640), READ | WRITE, Change(OTHER, GROUP, 0o660)),
    "a group that has nothing": ((OTHER, OTHER, 0o700), READ, Change(OTHER, GROUP, 0o740)),
    "root's group, without the right to write": ((0, 0, 0o660), READ, Change(0, GROUP, 0o640)),
    "what runs still runs": ((0, 0, 0o750), READ, Change(0, GROUP, 0o750)),
    "a group that uses it": ((OTHER, OTHER, 0o640), READ, Change(OTHER, OTHER, 0o640, READ)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_least_that_repairs(tmp_path: Path, name: str) -> None:
    """Chosen, made and then asked of the kernel; others get nothing."""
    (owner, group, mode), need, change = CHANGES[name]
    path = made(tmp_path / "file.py", owner, group, mode)
    assert denied(account(), path, need)
    assert least_change.choose(str(path), path.stat(), account(), need, GROUP) == change
    item = file_look.item(str(path), "code", "", path.stat(), change, account())
    before = file_access.repair(item)
    assert not denied(account(), path, need)
    assert path.stat().st_mode & 0o007 == mode & 0o007
    file_access.restore(before)
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (owner, group, mode)
    assert posix_acl.read(str(path)) == ()


def test_a_folder_above_keeps_its_group(tmp_path: Path) -> None:
    """It is not the app's: the account alone may pass through it."""
    change = least_change.choose(str(tmp_path), tmp_path.stat(), account(), ENTER, None)
    assert change == Change(0, 0, 0o710, ENTER)


def test_a_mask_is_raised_and_a_refusal_stands(tmp_path: Path) -> None:
    """Of a list that names the account: a mask that chmod lowered comes back; what the list refuses is refused."""
    for bits, expected in ((READ, Change(0, 0, 0o640)), (0, "allows it nothing")):
        path = made(tmp_path / str(bits), 0, 0, 0o600)
        acl = posix_acl.with_user(path.stat(), (), UID, READ)
        with path.open() as file:
            posix_acl.write(file.fileno(), tuple(e._replace(bits=bits) if e.id == UID else e for e in acl))
        path.chmod(0o600)
        chosen = least_change.choose(str(path), path.stat(), account(), READ, GROUP)
        assert expected in chosen if isinstance(expected, str) else chosen == expected


def test_without_lists_the_owner_changes_only_where_it_is_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that keeps none, and where the group uses the file."""
    monkeypatch.setattr(posix_acl, "supported", lambda _path: False)
    roots, others = (made(tmp_path / str(owner), owner, OTHER, 0o640) for owner in (0, 4009))
    assert least_change.choose(str(roots), roots.stat(), account(), READ, GROUP) == Change(UID, OTHER, 0o640)
    assert "keeps no access control lists" in str(
        least_change.choose(str(others), others.stat(), account(), READ, GROUP)
    )


def test_a_file_of_secrets_stays_readable_for_who_read_it(tmp_path: Path) -> None:
    """Closed to others; where the account read it as one of them, it gets an entry, or the group."""
    for owner, group, mode, expected in (
        (UID, OTHER, 0o644, Change(UID, OTHER, 0o640)),
        (0, GROUP, 0o755, Change(0, GROUP, 0o750)),
        (0, 0, 0o644, Change(0, GROUP, 0o640)),
        (OTHER, OTHER, 0o644, Change(OTHER, OTHER, 0o640, READ)),
        (OTHER, OTHER, 0o602, Change(OTHER, OTHER, 0o600)),
    ):
        path = made(tmp_path / "env", owner, group, mode)
        assert least_change.without_others(str(path), path.stat(), account(), GROUP) == expected


def test_who_a_unit_runs_as(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its further groups and capabilities where it does not run; its process's own where it does."""
    who = Account.of_unit("nobody", None, {"SupplementaryGroups": "daemon no-such-group", "AmbientCapabilities": ""})
    assert (1 in who.groups, who.capabilities, who.pid) == (True, 0, 0)
    reads = {"AmbientCapabilities": "cap_net_bind_service cap_dac_read_search"}
    assert Account.of_unit("nobody", None, reads).capabilities == 1 << 2
    bounded = {"CapabilityBoundingSet": "cap_chown", "AmbientCapabilities": ""}
    assert Account.of_unit("root", None, bounded).capabilities == 0
    with open("/proc/self/cgroup", encoding="utf-8"):
        module = "ansible_collections.rescue502.django.plugins.module_utils.files.access.sockets.unit_pids"
        monkeypatch.setattr(module, lambda _properties: [os.getpid()])
    assert Account.of_unit("root", None, bounded).pid == os.getpid()
    assert Account.of_unit("nobody", None, {}).pid == 0, "a process of another account is not the app's"


def test_nobody_else_gains_and_no_x_is_lost(files: list[Path]) -> None:
    """Of 300 files of all sorts: others have what they had, what runs still runs, and the owner stays."""
    changed = 0
    for path in files:
        status, mode = path.stat(), path.stat().st_mode & 0o777
        for need in NEEDS:
            change = least_change.choose(str(path), status, account(), need, GROUP)
            if isinstance(change, str):
                continue
            changed += 1
            assert change.owner == status.st_uid
            assert change.mode & 0o707 & ~(need << 6) == mode & 0o707 & ~(need << 6)
            assert change.mode & 0o110 & mode == 0o110 & mode, (oct(mode), change)
            if status.st_gid not in (0, change.group):
                assert not mode & 0o070, "the group has nothing to lose"
    assert changed > 200
