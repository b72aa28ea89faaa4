"""What the kernel says of files, asked as another account; and what an access control list says, compared with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import posix_acl
from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, READ, WRITE
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question
from odd_files import GROUP, NEEDS, OTHER, UID, account, denied, made

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")


def test_a_list_says_what_the_kernel_does(files: list[Path]) -> None:
    """300 files, each asked about in five ways: one process answers, and what we make of a list is the same."""
    who = account()
    questions = [Question(str(path), path.stat(), need) for path in files for need in NEEDS]
    with KernelAccess(who) as kernel:
        forbidden = set(kernel.denied(questions))
    for question in questions:
        acl = posix_acl.read(question.path)
        allowed = posix_acl.allows(question.status, acl, who.uid, who.groups, question.need)
        assert allowed is (question not in forbidden), (question, acl)
    assert 300 < len(forbidden) < 1400


def test_one_more_entry_changes_nothing_for_others(files: list[Path], tmp_path: Path) -> None:
    """The account gets what it needs; no other account of any group gets or loses anything."""
    others = [account(OTHER), account(4009, (OTHER,)), account(4009, (GROUP,)), account(4009, (4009,))]
    for path in files:
        status, acl = path.stat(), posix_acl.read(str(path))
        # With an empty mask Linux passes over the list, and named accounts are others.
        if status.st_uid == UID or (acl and not status.st_mode & 0o070):
            continue
        new = posix_acl.with_user(status, acl, UID, READ)
        copy = made(tmp_path / path.name, status.st_uid, status.st_gid, status.st_mode & 0o777, new)
        assert posix_acl.allows(copy.stat(), new, UID, {GROUP}, READ)
        for other in others:
            before, after = (
                [posix_acl.allows(each.stat(), rules, other.uid, other.groups, need) for need in NEEDS]
                for each, rules in ((path, acl), (copy, new))
            )
            assert before == after, (path.stat(), acl, new)


def test_a_folder_above_forbids_nothing_here(tmp_path: Path) -> None:
    """Each file is judged by itself: what bars the way to it is the folder's fault."""
    (tmp_path / "private").mkdir(mode=0o700)
    open_file, closed_file = (made(tmp_path / "private" / str(mode), 0, 0, mode) for mode in (0o644, 0o600))
    assert denied(account(), tmp_path / "private", ENTER)
    assert not denied(account(), open_file, READ)
    assert denied(account(), closed_file, READ)


def test_capabilities_count(tmp_path: Path) -> None:
    """CAP_DAC_READ_SEARCH reads and does not write; root without any is an owner as others are."""
    path = made(tmp_path / "file", OTHER, OTHER, 0o600)
    assert [denied(account(capabilities=1 << 2), path, need) for need in (READ, WRITE)] == [False, True]
    assert [denied(account(capabilities=1 << 1), path, need) for need in (READ, WRITE)] == [False, False]
    assert [denied(account(uid=0, capabilities=bits), path, READ) for bits in (0, 1 << 1)] == [True, False]


def test_another_file_in_its_place_is_not_judged(tmp_path: Path) -> None:
    """What the account sees under that path is not what was asked about, or is not there."""
    one, other = (made(tmp_path / name, 0, 0, 0o600) for name in ("one", "other"))
    with KernelAccess(account()) as kernel:
        assert kernel.denied([Question(str(one), other.stat(), READ), Question("/missing", other.stat(), READ)]) == []
        assert kernel.denied([Question(str(one), one.stat(), READ)])


def test_many_questions_and_any_name(tmp_path: Path) -> None:
    """More than a pipe holds; names with blanks, newlines and bytes that are no text."""
    names = [b"a b", b"new\nline", b"\xff", *(b"%0200d" % number for number in range(2000))]
    paths = [os.fsdecode(os.path.join(os.fsencode(tmp_path), name)) for name in names]
    for path in paths:
        os.close(os.open(path, os.O_CREAT, 0o600))
    with KernelAccess(account()) as kernel:
        forbidden = kernel.denied([Question(path, os.stat(path), READ) for path in paths])
    assert [question.path for question in forbidden] == paths


def test_a_process_that_was_ended_is_not_half_believed(tmp_path: Path) -> None:
    """Then what the file itself says is all there is."""
    open_file, closed_file = (made(tmp_path / str(mode), 0, 0, mode) for mode in (0o644, 0o600))
    questions = [Question(str(path), path.stat(), READ) for path in (open_file, closed_file)]
    with KernelAccess(account()) as kernel:
        kernel.denied(questions)
        assert kernel._process
        kernel._process.kill()
        kernel._process.wait()
        assert kernel.denied(questions) == questions[1:]
