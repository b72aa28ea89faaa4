# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""git, run as the owner of a checkout, with nothing of the checkout's own that would run programs.

git obeys the configuration that it finds in .git. So it is run only as who owns the checkout's folder and its .git, and
as root only where nobody else can have put that configuration there. git's own guard (git-config(1), safe.directory)
stays on and says the same.
"""

from __future__ import annotations

import os
import pwd
import stat

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run.commands import run_as

TIMEOUT = 60.0
_WORDS = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


class GitError(Exception):
    """git failed; the text is what it said."""


class RefusedError(GitError):
    """git is not run in this checkout; the text says why."""


def top_of(folder: str) -> str:
    """The top of the checkout that a folder is in; empty where it is in none."""
    while folder not in ("", "/"):
        if os.path.isdir(os.path.join(folder, ".git")):
            return folder
        folder = os.path.dirname(folder)
    return ""


class Checkout:
    """A git checkout, asked and changed as its owner."""

    def __init__(self, top: str) -> None:
        """top: its topmost folder, which has .git in it. Raises RefusedError, OSError where it cannot be looked at."""
        self.top = safe_files.resolve(top)
        self.owner = _owner(self.top)

    def command(self, *words: str) -> list[str]:
        """The words that run git here, for who runs them as the owner."""
        return [*_WORDS, "-C", self.top, *words]

    def git(self, *words: str, timeout: float = TIMEOUT, variables: dict[str, str] | None = None) -> str:
        """git's output, without the blanks around it. variables: of its environment. Raises GitError."""
        return self.run(self.command(*words), timeout, {**_ENVIRONMENT, **(variables or {})}, f"git {words[0]}").strip()

    def run(self, argv: list[str], timeout: float, environment: dict[str, str] | None = None, name: str = "") -> str:
        """The output of any command, run as the owner. Raises GitError where it fails or takes `timeout` seconds.

        name: what the error calls it; the program unless given.
        """
        done = run_as(self.owner.pw_name, None, argv, environment or _ENVIRONMENT, "/", timeout)
        if done.returncode:
            why = f"did not end within {timeout:g} s" if done.timed_out else "failed"
            raise GitError(f"{name or argv[0]} {why}: {done.words[-500:]}")
        return done.stdout


def _owner(top: str) -> pwd.struct_passwd:
    """The account that owns a checkout, which is a real path; RefusedError where that is not clear."""
    git = os.path.join(top, ".git")
    folder, kept = os.lstat(top), os.lstat(git)
    if not stat.S_ISDIR(kept.st_mode):
        raise RefusedError(f"{git} is a link: git is not run through it")
    if kept.st_uid != folder.st_uid:
        raise RefusedError(f"{top} belongs to uid {folder.st_uid} and {git} to uid {kept.st_uid}: git is not run there")
    if folder.st_uid == 0 and (path := _writable_by_others(git)):
        raise RefusedError(f"{git} is root's, but others can write {path}: git is not run there as root")
    try:
        return pwd.getpwuid(folder.st_uid)
    except KeyError as error:
        raise RefusedError(f"{top} belongs to uid {folder.st_uid}, which is not an account of this host") from error


def _writable_by_others(git: str) -> str:
    """The first path, from the root folder to git's configuration, that somebody else than root can change."""
    steps, path = [], git
    while path != "/":
        steps.append(path)
        path = os.path.dirname(path)
    named = [os.path.join(git, name) for name in ("config", "config.worktree")]
    for step in ["/", *reversed(steps), *(name for name in named if os.path.lexists(name))]:
        status = os.lstat(step)
        others = status.st_mode & (0o022 if status.st_gid else 0o002)
        # In a sticky folder such as /tmp nobody replaces what is root's (inode(7)).
        if status.st_uid or stat.S_ISLNK(status.st_mode) or (others and not status.st_mode & stat.S_ISVTX):
            return step
    return ""
