# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The code: what git says of the checkout, unfinished merges, and bytecode that does not match its source."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.services import bytecode, placeholders
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout, GitError, top_of
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, unread
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import is_below

GIT_TIMEOUT = 4.0
LIMIT = 20
MOST_CHANGED = 500
# The mode by which git's index knows a commit of another repository.
_GITLINK = "160000 "
# What git says of a path that it ignores (git-check-ignore(1), OUTPUT).
_IGNORED = re.compile(r"([^:]+):(\d+):(.*)\t(.*)$")
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
        "stale_bytecode": unread.reported(
            bytecode.stale(stack.root, exclude=venvs, limit=LIMIT), "the app's bytecode", unread.sealed(stack.root)
        ),
    }


def git_facts(root: str) -> dict[str, Any] | unread.Unread:
    """HEAD, branch, edits to tracked files, conflict markers, an unfinished merge, and where HEAD was before."""
    top = top_of(root)
    if not top:
        no_checkout: dict[str, Any] | unread.Unread
        no_checkout = unread.known({"is_checkout": False}, "the checkout", unread.hidden(os.path.join(root, ".git")))
        return no_checkout
    names = ("head", "branch", "edited", "unmerged", "conflicts", "log", "before", "changed")
    try:
        checkout = Checkout(top)
    except (GitError, OSError) as error:
        lacking = unread.Unread("what git says of the checkout", str(error))
        return {"is_checkout": True, "top": top, **dict.fromkeys(("operation", *names), lacking)}
    if not accounts.may_become(checkout.owner.pw_name):
        lacking = unread.only_root("what git says of the checkout", f"become {checkout.owner.pw_name}")
        return {"is_checkout": True, "top": top, "operation": operation(top), **dict.fromkeys(names, lacking)}
    status = _status(checkout)
    log = _log(checkout, 5, "HEAD")
    before = _git(checkout, "rev-parse", "--short=12", "--verify", "--quiet", "HEAD@{1}")
    absent = {
        "submodules_missing": _submodules_missing(checkout),
        "emptied": placeholders.emptied(checkout.top, status.modified),
        "pointers": placeholders.pointers(checkout),
    }
    return {
        "is_checkout": True,
        "top": top,
        "head": status.headers.get("branch.oid", "")[:12],
        "branch": status.headers.get("branch.head", ""),
        "edited": status.edited[:LIMIT],
        "unmerged": status.unmerged[:LIMIT],
        "operation": operation(top),
        "conflicts": _git(checkout, "grep", "--name-only", "-I", "-E", "^(<<<<<<<|>>>>>>>) ").splitlines()[:LIMIT],
        "log": log,
        "before": before,
        "changed": _changed(checkout, top, before or (log[1]["commit"] if len(log) > 1 else "")),
        **{name: paths for name, paths in absent.items() if paths},
    }


class _Status(NamedTuple):
    """What git says of the files: edited differ from the commit, modified from the index too."""

    headers: dict[str, str]
    edited: list[str]
    modified: list[str]
    unmerged: list[str]


def _status(checkout: Checkout) -> _Status:
    """Source: git-status(1), porcelain format version 2. `git diff` would write the index anew, and is not asked."""
    words = ["status", "--porcelain=v2", "--branch", "--untracked-files=no", "--no-renames", "-z"]
    lines = _git(checkout, *words).split("\0")
    edited = [line.split(" ", 8) for line in lines if line.startswith("1 ")]
    return _Status(
        headers=dict(line[2:].partition(" ")[::2] for line in lines if line.startswith("# ")),
        edited=[fields[8] for fields in edited],
        modified=[fields[8] for fields in edited if fields[1].endswith("M")],
        unmerged=[line.split(" ", 10)[10] for line in lines if line.startswith("u ")],
    )


def _submodules_missing(checkout: Checkout) -> list[dict[str, str]]:
    """{path, name} of each submodule of the commit whose folder is empty or not there; git's index knows them."""
    if not os.path.lexists(os.path.join(checkout.top, ".gitmodules")):
        return []
    rows = (row.partition("\t") for row in _git(checkout, "ls-files", "--stage", "-z").split("\0"))
    paths = [path for head, _tab, path in rows if head.startswith(_GITLINK)]
    absent = [path for path in paths if not _holds_anything(os.path.join(checkout.top, path))]
    return [{"path": path, "name": os.path.basename(path)} for path in absent[:LIMIT]]


def _holds_anything(folder: str) -> bool:
    """Whether a folder is there with anything in it, or cannot be looked into."""
    try:
        with os.scandir(folder) as entries:
            return any(True for _entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _changed(checkout: Checkout, top: str, before: str) -> list[str]:
    """Paths of the files that going back to a commit would change, at most MOST_CHANGED; none without a commit."""
    names = (
        _git(checkout, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", before, "HEAD", "--")
        if before
        else ""
    )
    return [os.path.join(top, name) for name in names.split("\0") if name][:MOST_CHANGED]


def head(root: str) -> str:
    """The whole id of the commit that is checked out; empty where there is none, or git does not say."""
    checkout = _readable(root)
    return _git(checkout, "rev-parse", "--verify", "--quiet", "HEAD") if checkout else ""


def between(root: str, before: str, after: str) -> dict[str, Any]:
    """{before, after, known, count, gone, list}: what lies between two commits, given by their whole ids.

    count: of commits that came, of which the newest LIMIT are in list; gone: of commits that `after` has not. known is
    false where git no longer has one of the two.
    """
    checkout = _readable(root)
    span = f"{before}...{after}"
    counted = _git(checkout, "rev-list", "--left-right", "--count", span, "--").split() if checkout else []
    known = checkout is not None and len(counted) == 2
    return {
        "before": before[:12],
        "after": after[:12],
        "known": known,
        "count": int(counted[1]) if known else 0,
        "gone": int(counted[0]) if known else 0,
        "list": _log(checkout, LIMIT, f"{before}..{after}") if checkout and known else [],
    }


def ignored_module(root: str, folders: list[str], module: str) -> dict[str, Any]:
    """{path, file, line, pattern}: where in the checkout a module would be, and by which rule git ignores it there.

    folders: those that modules are imported from. Nothing where git does not ignore it, or something is there.
    """
    checkout = _readable(root)
    places = [os.path.join(folder, *module.split(".")) for folder in folders]
    places = [f"{place}{end}" for place in places for end in (".py", "/__init__.py")]
    inside = [place for place in dict.fromkeys(places) if checkout and is_below(place, checkout.top)]
    if not checkout or not inside:
        return {}
    said = _git(checkout, "check-ignore", "--no-index", "--verbose", "--", *inside).splitlines()
    rules = [match.groups() for line in said if (match := _IGNORED.match(line))]
    # A rule that begins with ! is one by which git takes a path after all.
    if not rules or any(rule[2].startswith("!") for rule in rules) or any(os.path.lexists(each) for each in inside):
        return {}
    file, line, pattern, path = rules[0]
    return {"path": path, "file": os.path.join(checkout.top, file), "line": int(line), "pattern": pattern}


def _readable(root: str) -> Checkout | None:
    """The checkout that a folder is in; None where it is in none, or git is not run there."""
    top = top_of(root)
    try:
        return Checkout(top) if top else None
    except (GitError, OSError):
        return None


def _log(checkout: Checkout, most: int, commits: str) -> list[dict[str, str]]:
    """The newest of the commits, {commit, date, subject} each."""
    lines = _git(checkout, "log", f"-{most}", "--format=%h%x09%cI%x09%s", commits, "--").splitlines()
    return [dict(zip(("commit", "date", "subject"), line.split("\t", 2))) for line in lines]


def operation(top: str) -> str:
    """The operation that git has in progress, by the command that would abort it; empty where there is none."""
    marks = [os.path.join(top, ".git", name) for name, _command in _OPERATIONS]
    found = [command for mark, (_name, command) in zip(marks, _OPERATIONS) if os.path.exists(mark)]
    return found[0] if found else ""


def _git(checkout: Checkout, *arguments: str) -> str:
    """git's output; empty where it fails."""
    try:
        return checkout.git(*arguments, timeout=GIT_TIMEOUT)
    except (GitError, OSError):
        return ""
