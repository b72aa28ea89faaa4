"""Files of all sorts of owners, groups, modes and access control lists, and accounts to ask about them."""

from __future__ import annotations

import os
import random
from pathlib import Path

from ansible_collections.rescue502.django.plugins.module_utils.files import posix_acl
from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, READ, WRITE, Account
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question
from ansible_collections.rescue502.django.plugins.module_utils.files.posix_acl import Entry

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
