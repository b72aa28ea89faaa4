# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Try a start of the app from other commits, each in a tree of its own: which loads, which is the first that fails.

What lies in the checkout and is not git's, such as .env, uploads and local settings, is linked into that tree. Nothing
of the checkout or of its .git changes, and the tree is gone afterwards. Source: git-checkout-index(1), git-ls-files(1).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import app_steps, rehearsal
from ansible_collections.rescue502.django.plugins.module_utils.django_app.app_steps import APP_STEPS
from ansible_collections.rescue502.django.plugins.module_utils.files import system_python
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers
from ansible_collections.rescue502.django.plugins.module_utils.services import requirements_files
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout, GitError
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

SECONDS = 20.0
# Where several commits are tried, each has this long.
OF_SEVERAL = 8.0
NOT_TRIED = "it could not be tried"
# How far back a commit is looked for that loads.
MOST_COMMITS = 20
MANY = 2000
TREE = "tree"
# Run as the checkout's owner, so that it can make nothing that is not theirs.
_LINK = """
import os, sys
top, tree = sys.argv[1:3]
for name in sys.argv[3:]:
    try:
        os.symlink(os.path.join(top, name), os.path.join(tree, name))
    except OSError:
        pass
"""
_READABLE = ["sh", "-c", 'umask 022; exec "$@"', "sh"]


def objection(checkout: Checkout, commit: str, stack: Stack, seconds: float = SECONDS) -> str:
    """Why the app does not come up from a commit; empty where it does. stack: the app as it is now.

    Of an exception the type and the place are named: its message may hold a secret. Raises KeyError for an account that
    is not there.
    """
    try:
        with _tree_of(checkout, commit, stack) as tree:
            steps = rehearsal.rehearse(_moved(stack, checkout.top, tree), seconds, [], APP_STEPS, unwell=True)["steps"]
    except (GitError, OSError) as error:
        return f"{NOT_TRIED}: {error}"
    for name in APP_STEPS:
        if not (step := steps.get(name)):
            return f"it does not come to the step {name}"
        if not step["ok"]:
            return app_steps.words(step["error"] or {})
    return ""


def search(checkout: Checkout, stack: Stack, error: dict[str, Any], has_edits: bool, seconds: float) -> dict[str, Any]:
    """{tried, loads, back, edits, alike, first, problem}: the newest commit that the app comes up from.

    tried: how many were tried. loads: that commit, empty where none is; back: how far back it is. first: the one
    after it, {commit, age, subject}, which is the first that fails. edits: whether HEAD itself loads, so that edits to
    tracked files are at fault. alike: whether all fail with the same exception in the same file as `error`, what it
    meets now. problem: why the search ended before its end. Raises GitError, KeyError, OSError.
    """
    lines = checkout.git("log", "--first-parent", f"-{MOST_COMMITS}", "--format=%h%x09%cr%x09%s", "HEAD").splitlines()
    commits = [dict(zip(("commit", "age", "subject"), line.split("\t", 2))) for line in lines]
    results: dict[int, bool] = {} if has_edits else {0: False}
    found: dict[str, Any] = {"tried": 0, "loads": "", "back": 0, "edits": False, "alike": True, "problem": ""}
    begun = time.monotonic()

    def loads(number: int) -> bool:
        if number not in results:
            found["tried"] += 1
            why = objection(checkout, commits[number]["commit"], stack, OF_SEVERAL)
            if why.startswith(NOT_TRIED):
                raise GitError(why)
            results[number] = not why
            found["alike"] = found["alike"] and why.rpartition(":")[0] in (
                "",
                app_steps.words(error).rpartition(":")[0],
            )
        return results[number]

    def is_late() -> bool:
        # Another trial takes as long as those before it.
        spent = time.monotonic() - begun
        return bool(found["tried"]) and spent + spent / found["tried"] > seconds

    # Further and further back, and then in between.
    bad, good, step = -1, -1, 0
    while good < 0 and step < len(commits):
        if is_late():
            return {**found, "problem": f"there was no time for more than {found['tried']} commits"}
        if loads(step):
            good = step
        else:
            bad, step = step, 2 * step + 1
            if step >= len(commits) > bad + 1:
                step = len(commits) - 1
    if good < 0:
        return found
    while good - bad > 1 and not is_late():
        middle = (good + bad) // 2
        good, bad = (middle, bad) if loads(middle) else (good, middle)
    found.update(loads=commits[good]["commit"], back=good, edits=good == 0)
    if good - bad == 1 and good > 0:
        found["first"] = commits[bad]
    return found


def _moved(stack: Stack, top: str, tree: str) -> Stack:
    """The app as it would be in that tree."""

    def there(path: str) -> str:
        real = os.path.realpath(path)
        inside = real == top or real.startswith(top + os.sep)
        return os.path.normpath(os.path.join(tree, os.path.relpath(real, top))) if inside else path

    root, cwd = there(stack.root), there(stack.cwd)
    copy = dataclasses.replace(stack, root=root, cwd=cwd)
    copy.requirements = requirements_files.Choice([], proved=False)
    return copy


@contextlib.contextmanager
def _tree_of(checkout: Checkout, commit: str, stack: Stack) -> Iterator[str]:
    """The files of a commit, which the app's account can read; removed at the end.

    Raises GitError, OSError, and KeyError for an account that is not there.
    """
    _uid, gid, _groups = accounts.account_ids(stack.user, stack.group or None)
    folder = tempfile.mkdtemp(prefix="rescue502-", dir=leftovers.FOR_OTHERS)
    tree = os.path.join(folder, TREE)
    try:
        # The owner last: from then on a link may stand in its place.
        os.chmod(folder, 0o750)
        os.chown(folder, checkout.owner.pw_uid, gid)
        index = {**checkout.environment(), "GIT_INDEX_FILE": os.path.join(folder, "index")}
        checkout.run(checkout.command("read-tree", commit), SECONDS, index, "git read-tree")
        words = checkout.command("checkout-index", "--all", "--quiet", f"--prefix={tree}/")
        checkout.run([*_READABLE, *words], SECONDS, index, "git checkout-index")
        untracked = checkout.git("ls-files", "--others", "--directory", "-z").split("\0")
        names = [name.rstrip("/") for name in untracked if name and not _is_bytecode(name)][:MANY]
        checkout.run([system_python.path(), "-I", "-c", _LINK, checkout.top, tree, *names], SECONDS)
        yield tree
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_bytecode(name: str) -> bool:
    """Whether a file or folder is Python's own: it is of another commit's code."""
    return "__pycache__" in name or name.endswith(".pyc")
