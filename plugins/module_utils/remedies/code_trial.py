# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Try a start of the app from another commit, in a worktree of git's aside, before the checkout goes there.

What lies in the checkout and is not git's, such as .env, uploads and local settings, is linked into the worktree.
Nothing of the checkout changes, and the worktree is gone afterwards. Source: git-worktree(1), git-ls-files(1).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import rehearsal
from ansible_collections.rescue502.django.plugins.module_utils.django_app.app_steps import APP_STEPS
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers
from ansible_collections.rescue502.django.plugins.module_utils.services import requirements_files
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout, GitError
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

SECONDS = 20.0
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


def objection(checkout: Checkout, commit: str, stack: Stack) -> str:
    """Why the app does not come up from a commit; empty where it does. stack: the app as it is now.

    Of an exception the type and the place are named: its message may hold a secret. Raises KeyError for an account that
    is not there.
    """
    try:
        with _worktree(checkout, commit, stack) as tree:
            steps = rehearsal.rehearse(_moved(stack, checkout.top, tree), SECONDS, [])["steps"]
    except (GitError, OSError) as error:
        return f"it could not be tried: {error}"
    for name in APP_STEPS:
        if not (step := steps.get(name)):
            return f"it does not come to the step {name}"
        if not step["ok"]:
            return _words(step["error"] or {})
    return ""


def _words(error: dict[str, Any]) -> str:
    return f"{error.get('type', 'an error')} in {os.path.basename(error.get('file', ''))}:{error.get('line', 0)}"


def _moved(stack: Stack, top: str, tree: str) -> Stack:
    """The app as it would be in the worktree."""

    def there(path: str) -> str:
        real = os.path.realpath(path)
        inside = real == top or real.startswith(top + os.sep)
        return os.path.normpath(os.path.join(tree, os.path.relpath(real, top))) if inside else path

    root, cwd = there(stack.root), there(stack.cwd)
    copy = dataclasses.replace(stack, root=root, cwd=cwd)
    copy.requirements = requirements_files.Choice([], proved=False)
    return copy


@contextlib.contextmanager
def _worktree(checkout: Checkout, commit: str, stack: Stack) -> Iterator[str]:
    """A worktree of a commit that the app's account can read; removed at the end.

    Raises GitError, OSError, and KeyError for an account that is not there.
    """
    _uid, gid, _groups = accounts.account_ids(stack.user, stack.group or None)
    folder = tempfile.mkdtemp(prefix="rescue502-", dir=leftovers.FOR_OTHERS)
    tree = os.path.join(folder, TREE)
    try:
        # The owner last: from then on a link may stand in its place.
        os.chmod(folder, 0o750)
        os.chown(folder, checkout.owner.pw_uid, gid)
        words = checkout.command("worktree", "add", "--quiet", "--force", "--detach", tree, commit)
        checkout.run([*_READABLE, *words], SECONDS, name="git worktree")
        try:
            untracked = checkout.git("ls-files", "--others", "--directory", "-z").split("\0")
            names = [name.rstrip("/") for name in untracked if name and not _is_bytecode(name)][:MANY]
            checkout.run(["/usr/bin/python3", "-I", "-c", _LINK, checkout.top, tree, *names], SECONDS)
            yield tree
        finally:
            checkout.git("worktree", "remove", "--force", tree)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_bytecode(name: str) -> bool:
    """Whether a file or folder is Python's own: it is of another commit's code."""
    return "__pycache__" in name or name.endswith(".pyc")
