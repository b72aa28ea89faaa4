# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""git, run as the owner of a checkout, with nothing of the checkout's own that would run programs.

git obeys the configuration that it finds in .git, and runs what that names: filters, hooks, helpers. So all of these
are set to nothing on its command line, which wins over every file, and the configuration of system and account is not
read. As root it is run only where nobody else can have written what is in .git. git's own guard (git-config(1),
safe.directory) stays on and says the same.
"""

from __future__ import annotations

import os
import pwd
import re
import stat

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.run.commands import run_as

TIMEOUT = 60.0
# How many names one command line takes.
_AT_ONCE = 500
# What may name a program, or have one run in a submodule, where this command line does not reach (git-config(1)).
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "core.pager": "cat",
    "core.editor": "true",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "sequence.editor": "true",
    "diff.external": "true",
    "credential.helper": "",
    "gpg.program": "false",
    "log.showSignature": "false",
    "commit.gpgSign": "false",
    "submodule.recurse": "false",
    "diff.ignoreSubmodules": "all",
    "status.submoduleSummary": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
# The same of what has a name of somebody's choice between section and key.
_NAMED = re.compile(r"^(?:filter|diff|merge|hook|gpg|credential)\..*\.(\w+)$", re.DOTALL)
_NAMED_SETTINGS = {
    "clean": "", "smudge": "", "process": "", "required": "false", "command": "true", "textconv": "cat",
    "driver": "false", "helper": "", "program": "false",
}  # fmt: skip
# No remote is asked: a partial clone would fetch what it lacks, by whatever its configuration says. What only asks does
# not write the index anew, which would have another owner and mode then.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none", "GIT_OPTIONAL_LOCKS": "0",
}  # fmt: skip


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
        self._named: dict[str, str] | None = None

    def command(self, *words: str) -> list[str]:
        """The words that run git here, for who runs them as the owner. Raises GitError."""
        if self._named is None:
            self._named = self._named_settings()
        settings = {**_SETTINGS, **self._named}
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return ["git", "--no-pager", *flags, "-C", self.top, *words]

    def git(self, *words: str, timeout: float = TIMEOUT, variables: dict[str, str] | None = None) -> str:
        """git's output, without the blanks around it. variables: of its environment. Raises GitError.

        timeout: in seconds.
        """
        environment = {**self.environment(), **(variables or {})}
        return self.run(self.command(*words), timeout, environment, f"git {words[0]}").strip()

    def run(self, argv: list[str], timeout: float, environment: dict[str, str] | None = None, name: str = "") -> str:
        """The output of any command, run as the owner. Raises GitError where it fails or takes `timeout` seconds.

        name: what the error calls it; the program unless given.
        """
        done = run_as(self.owner.pw_name, None, argv, environment or self.environment(), "/", timeout)
        if done.returncode:
            why = f"did not end within {timeout:g} s" if done.timed_out else "failed"
            raise GitError(f"{name or argv[0]} {why}: {done.words[-500:]}")
        return done.stdout

    def environment(self) -> dict[str, str]:
        """The environment that git is run in. Its files are those in the checkout, whatever core.worktree says."""
        return {**_ENVIRONMENT, "GIT_WORK_TREE": self.top}

    def objection_to_change(self) -> str:
        """Why the checkout's files must not be changed as its owner; empty where they may be. Raises GitError.

        Who can write a folder in it could put a link there while root writes what is tracked.
        """
        if self.owner.pw_uid:
            return ""
        folders = {os.path.dirname(name) for name in self.git("ls-files", "-z").split("\0")}
        found = (write_access.on_the_way(os.path.join(self.top, folder), 0) for folder in sorted(folders))
        path = next((step for step in found if step), "")
        return f"{self.top} is root's, but others can write {path}: its files are not changed as root" if path else ""

    def objection_to_filters(self, commit: str) -> str:
        """Why HEAD's files must not be replaced by a commit's; empty where they may be. Raises GitError.

        Filters are not run here (gitattributes(5)): of a file that Git LFS keeps, its pointer would be written. A file
        that is on the disk as HEAD holds it is not changed by its filter.
        """
        names = self.git("diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", "HEAD", commit, "--").split("\0")
        for begin in range(0, len(names), _AT_ONCE):
            some = [name for name in names[begin : begin + _AT_ONCE] if name]
            said = self.git("check-attr", "-z", "filter", "--", *some).split("\0") if some else []
            for name, value in zip(said[::3], said[2::3]):
                if value not in ("unspecified", "unset", "set") and not self._is_as_stored(name):
                    return f"git keeps {name} by the filter {value}, which is not run here"
        return ""

    def _is_as_stored(self, name: str) -> bool:
        """Whether a file is on the disk as HEAD holds it, without any filter; not where it is in one of them alone."""
        try:
            stored = self.git("rev-parse", "--verify", "--quiet", f"HEAD:{name}")
            return stored == self.git("hash-object", "--no-filters", "--", name)
        except GitError:
            return False

    def objection_to_own_configuration(self, environment: dict[str, str]) -> str:
        """Why git must not obey all configuration and hooks that it finds; empty where only its owner can write them.

        environment: the one that git is to be run in. Raises GitError.
        """
        words = ["git", "-C", self.top, "config", "--includes", "--list", "--show-origin", "--name-only", "-z"]
        origins = self.run(words, TIMEOUT, environment, "git config").split("\0")[::2]
        files = {os.path.join(self.top, item[len("file:") :]) for item in origins if item.startswith("file:")}
        hooks = self.run(["git", "-C", self.top, "rev-parse", "--git-path", "hooks"], TIMEOUT, environment).strip()
        path = write_access.first_open([*sorted(files), os.path.join(self.top, hooks)], self.owner.pw_uid)
        return f"others than {self.owner.pw_name} can write {path}, which git would obey" if path else ""

    def _named_settings(self) -> dict[str, str]:
        """What the checkout's own configuration names programs for, each set to none. Reading it runs nothing.

        What others can write, such as a file that root's configuration includes, could name one more a moment later.
        """
        if self.owner.pw_uid == 0 and (why := self.objection_to_own_configuration(self.environment())):
            raise RefusedError(f"{why}: git is not run there as root")
        words = ["git", "-C", self.top, "config", "--includes", "--list", "--name-only", "-z"]
        names = self.run(words, TIMEOUT, name="git config").split("\0")
        found = {name: match.group(1) for name in names if (match := _NAMED.match(name))}
        if odd := [name for name in found if "=" in name or not name.isprintable()]:
            # The command line takes no such name.
            raise RefusedError(f"{self.top}/.git/config names a program for {odd[0]!r}: git is not run there")
        return {name: _NAMED_SETTINGS[key] for name, key in found.items() if key in _NAMED_SETTINGS}


def _owner(top: str) -> pwd.struct_passwd:
    """The account that owns a checkout, which is a real path; RefusedError where that is not clear."""
    git = os.path.join(top, ".git")
    folder, kept = os.lstat(top), os.lstat(git)
    if not stat.S_ISDIR(kept.st_mode):
        raise RefusedError(f"{git} is a link: git is not run through it")
    if kept.st_uid != folder.st_uid:
        raise RefusedError(f"{top} belongs to uid {folder.st_uid} and {git} to uid {kept.st_uid}: git is not run there")
    if folder.st_uid == 0 and (path := write_access.first_open([git], 0)):
        raise RefusedError(f"{git} is root's, but others can write {path}: git is not run there as root")
    try:
        return pwd.getpwuid(folder.st_uid)
    except KeyError as error:
        raise RefusedError(f"{top} belongs to uid {folder.st_uid}, which is not an account of this host") from error
