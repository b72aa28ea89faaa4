"""What the kernel says of files, asked as another account; and what an access control list says, compared with it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import posix_acl
from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, READ, WRITE, Account
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question
from ansible_collections.rescue502.django.plugins.module_utils.files.posix_acl import Entry

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
UID, GROUP, MORE, OTHER = 4001, 4002, 4003, 4004
NEEDS = (READ, WRITE, ENTER, READ | ENTER, READ | WRITE)


def account(uid: int = UID, groups: tuple[int, ...] = (GROUP, MORE), capabilities: int = 0) -> Account:
    """An account of this many numbers, whatever this machine's accounts are."""
    made = Account("nobody", None)
    made.uid, made.gid, made.groups, made.capabilities = uid, groups[0], set(groups), capabilities
    return made


def made(path: Path, owner: int, group: int, mode: int, acl: posix_acl.Acl = ()) -> Path:
    """A file with these; the mask of a list is the group bits of the mode."""
    path.touch()
    os.chown(path, owner, group)
    path.chmod(mode)
    if acl:
        with path.open() as file:
            posix_acl.write(file.fileno(), acl)
    return path


def denied(who: Account, path: Path, need: int) -> bool:
    """Whether the kernel forbids it."""
    with KernelAccess(who) as kernel:
        return bool(kernel.denied([Question(str(path), path.stat(), need)]))


def random_acl(chance: random.Random) -> posix_acl.Acl:
    """A list of some of the entries that a list may have."""
    named = [Entry(posix_acl.USER, chance.randrange(8), uid) for uid in (UID, OTHER) if chance.random() < 0.5]
    named += [Entry(posix_acl.GROUP, chance.randrange(8), gid) for gid in (GROUP, MORE, OTHER) if chance.random() < 0.5]
    base = [Entry(tag, chance.randrange(8)) for tag in (posix_acl.USER_OBJ, posix_acl.GROUP_OBJ, posix_acl.OTHER)]
    return (*base, *named, *([Entry(posix_acl.MASK, chance.randrange(8))] if named else []))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of all sorts of owners, groups, modes and lists."""
    chance, folder = random.Random(502), tmp_path_factory.mktemp("files")
    return [
        made(
            folder / str(number),
            chance.choice((0, UID, OTHER)),
            chance.choice((0, GROUP, MORE, OTHER)),
            chance.randrange(0o1000),
            random_acl(chance) if number % 2 else (),
        )
        for number in range(300)
    ]


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
