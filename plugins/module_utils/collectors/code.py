# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The code: what git says of the checkout, unfinished merges, and bytecode that does not match its source."""

from __future__ import annotations

import os
import pwd
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import bytecode
from ansible_collections.rescue502.django.plugins.module_utils.services.git import WORDS
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, unread

GIT_TIMEOUT = 4.0
LIMIT = 20
# What git leaves in its folder while an operation is in progress (git-status(1)), and whose --abort ends it.
_OPERATIONS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
)


def collect(stack: Stack) -> dict[str, Any]:
    """Git facts (empty where there is no checkout) and stale bytecode."""
    venvs = [path for path in (stack.venv,) if path]
    return {
        "git": git_facts(stack.root),
        "stale_bytecode": unread.told(
            bytecode.stale(stack.root, exclude=venvs, limit=LIMIT), "the app's bytecode", unread.sealed(stack.root)
        ),
    }


def git_facts(root: str) -> dict[str, Any] | unread.Unread:
    """HEAD, branch, edits to tracked files, conflict markers, an unfinished merge, and where HEAD was before."""
    top = checkout(root)
    if not top:
        no_checkout: dict[str, Any] | unread.Unread
        no_checkout = unread.known({"is_checkout": False}, "the checkout", unread.hidden(os.path.join(root, ".git")))
        return no_checkout
    lacking = _lacking(top)
    if lacking:
        names = ("head", "branch", "edited", "unmerged", "conflicts", "log", "before")
        return {"is_checkout": True, "top": top, "operation": operation(top), **dict.fromkeys(names, lacking[0])}
    status = _git(top, "status", "--porcelain=v2", "--branch", "--untracked-files=no").splitlines()
    headers = dict(line[2:].partition(" ")[::2] for line in status if line.startswith("# "))
    return {
        "is_checkout": True,
        "top": top,
        "head": headers.get("branch.oid", "")[:12],
        "branch": headers.get("branch.head", ""),
        "edited": [line.rpartition(" ")[2] for line in status if line[:2] in ("1 ", "2 ")][:LIMIT],
        "unmerged": [line.rpartition(" ")[2] for line in status if line.startswith("u ")][:LIMIT],
        "operation": operation(top),
        "conflicts": _git(top, "grep", "--name-only", "-I", "-E", "^(<<<<<<<|>>>>>>>) ").splitlines()[:LIMIT],
        "log": _log(top, 5, "HEAD"),
        "before": _git(top, "rev-parse", "--short=12", "--verify", "--quiet", "HEAD@{1}").strip(),
    }


def head(root: str) -> str:
    """The whole id of the commit that is checked out; empty where there is none, or git does not say."""
    top = checkout(root)
    return _git(top, "rev-parse", "--verify", "--quiet", "HEAD").strip() if top else ""


def between(root: str, before: str, after: str) -> dict[str, Any]:
    """{before, after, known, count, gone, list}: what lies between two commits, given by their whole ids.

    count: of commits that came, of which the newest LIMIT are in list; gone: of commits that `after` has not. known is
    false where git no longer has one of the two.
    """
    top = checkout(root)
    counted = _git(top, "rev-list", "--left-right", "--count", f"{before}...{after}", "--").split()
    known = len(counted) == 2
    return {
        "before": before[:12],
        "after": after[:12],
        "known": known,
        "count": int(counted[1]) if known else 0,
        "gone": int(counted[0]) if known else 0,
        "list": _log(top, LIMIT, f"{before}..{after}") if known else [],
    }


def _log(top: str, most: int, commits: str) -> list[dict[str, str]]:
    """The newest of the commits, {commit, date, subject} each."""
    lines = _git(top, "log", f"-{most}", "--format=%h%x09%cI%x09%s", commits, "--").splitlines()
    return [dict(zip(("commit", "date", "subject"), line.split("\t", 2))) for line in lines]


def _lacking(top: str) -> list[unread.Unread]:
    """What bars this account from git: it is asked as the checkout's owner only, whose configuration it obeys."""
    try:
        owner = pwd.getpwuid(os.stat(os.path.join(top, ".git")).st_uid).pw_name
        barred = not accounts.may_become(owner)
    except (KeyError, OSError):
        return []
    return [unread.only_root("what git says of the checkout", f"become {owner}")] if barred else []


def operation(top: str) -> str:
    """What git has in progress there, by the command that would give it up; empty where nothing is."""
    marks = [os.path.join(top, ".git", name) for name, _command in _OPERATIONS]
    found = [command for mark, (_name, command) in zip(marks, _OPERATIONS) if os.path.exists(mark)]
    return found[0] if found else ""


def checkout(root: str) -> str:
    """The top of the checkout that a folder is in; empty where it is in none."""
    folder = root
    while folder not in ("", "/"):
        if os.path.isdir(os.path.join(folder, ".git")):
            return folder
        folder = os.path.dirname(folder)
    return ""


def _git(top: str, *arguments: str) -> str:
    """Ask git as the owner of the checkout: as root it would obey a configuration that others can write."""
    try:
        owner = pwd.getpwuid(os.stat(os.path.join(top, ".git")).st_uid).pw_name
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        done = commands.run_as(owner, None, [*WORDS, "-C", top, *arguments], environment, "/", GIT_TIMEOUT)
    except (KeyError, OSError):
        return ""
    return done.stdout if done.returncode == 0 else ""
