# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs with which people and deployments change an app's code, packages and database, by command line.

A name alone shows nothing: others_at_work.py asks the kernel whether such a process works on this app.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

# Each program, and those of its commands that change something. Commands that only show something may stand in a pager
# for days, and those that run a server run for months.
_COMMANDS = {
    "git": "add am apply bisect checkout checkout-index cherry-pick clean clone commit fetch gc lfs merge mv pull "
    "read-tree rebase receive-pack repack reset restore revert rm stash submodule switch worktree",
    "hg": "clone commit merge pull rebase revert update up",
    "svn": "checkout co commit export merge revert switch update up",
    "pip": "install uninstall",
    "uv": "add install lock remove sync uninstall venv",
    "poetry": "add install lock remove sync update",
    "pdm": "add install lock remove sync update",
    "pipenv": "install lock sync uninstall update upgrade",
    "conda": "create install remove update",
    "mamba": "create install remove update",
    "npm": "build ci install update",
    "yarn": "build install upgrade",
    "pnpm": "build install update",
    "manage.py": "collectstatic compilemessages createcachetable flush loaddata makemessages makemigrations migrate "
    "squashmigrations",
}
# All that these do is a change.
_ALWAYS = (
    "ansible-playbook", "ansible-pull", "cap", "chmod", "chown", "cp", "dep", "fab", "mv", "pip-sync", "puppet", "rm",
    "rsync", "salt-call", "scp", "unzip", "venv", "virtualenv",
)  # fmt: skip
_SAME = {"django-admin": "manage.py", "django": "manage.py", "django-admin.py": "manage.py", "bsdtar": "tar"}
# What follows these is another program's: `uv run gunicorn` serves.
_RUNS = ("run", "exec", "shell")
# Of these the last word is what they write to.
COPIES = ("cp", "rsync", "scp")
# A script of a site's own that deploys, by what such scripts are called.
_DEPLOYS = re.compile(r"(?i)deploy|release|rollout|upgrade")
_INTERPRETER = re.compile(r"^(python[\d.]*|pypy[\d.]*|ruby[\d.]*|perl|sh|bash|dash|zsh|node)$")
# Programs that change a server's databases, and those that change all that a server has.
_OF_DATABASE = ("createdb", "dropdb", "pg_restore", "psql")
_PSQL_FILE = re.compile(r"-[^-]*f$|--file(?:=|$)")
_OF_SERVER = ("initdb", "pg_basebackup", "pg_dropcluster", "pg_rewind", "pg_upgrade", "pg_upgradecluster")


def named(words: list[str]) -> str:
    """The change that a command line makes, such as `git pull`; empty where it is none that is known."""
    program, rest = _program(words)
    commands = _COMMANDS.get(program, "").split()
    if program in _ALWAYS:
        return program
    if program == "tar":
        return "tar" if any(_extracts(word, first=number == 0) for number, word in enumerate(rest)) else ""
    command = next((word for word in rest if word in commands or word in _RUNS), "")
    if command in commands:
        return f"{program} {command}"
    is_script = bool(words) and _INTERPRETER.match(os.path.basename(words[0])) and program not in _COMMANDS
    return program if is_script and _DEPLOYS.search(program) else ""


def of_database(words: list[str], is_fed: Callable[[], bool]) -> str:
    """The program, where it changes databases.

    is_fed: whether its input holds changes. psql works through a file, or through that of its option; at a terminal or
    a pipe it may wait for days, with a lock that is the very fault.
    """
    program, rest = _program(words)
    if program == "psql" and not any(_PSQL_FILE.match(word) for word in rest) and not is_fed():
        return ""
    return program if program in (*_OF_SERVER, *_OF_DATABASE) else ""


def program_of(words: list[str]) -> str:
    """The program that a command line runs, or the script or module that its interpreter does."""
    return _program(words)[0] or (os.path.basename(words[0]) if words else "")


def is_of_whole_server(program: str) -> bool:
    """Whether such a program changes all databases of a server."""
    return program in _OF_SERVER


def _program(words: list[str]) -> tuple[str, list[str]]:
    """(name, what follows it): the script's or module's where an interpreter runs one; its version is left out."""
    if not words:
        return "", []
    name, rest = os.path.basename(words[0]), words[1:]
    if _INTERPRETER.match(name):
        while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c"):
            rest = rest[2:] if rest[0] in ("-W", "-X") else rest[1:]
        if not rest or rest[0] == "-c":
            return "", []
        name, rest = (rest[1], rest[2:]) if rest[0] == "-m" and rest[1:] else (os.path.basename(rest[0]), rest[1:])
    name = re.sub(r"^(pip|python)[\d.]+$", r"\1", name)
    return _SAME.get(name, name), rest


def _extracts(word: str, first: bool) -> bool:
    """Whether a word of tar's has it extract; the first may stand without a dash (`tar xzf`)."""
    bundled = re.match(r"^-?[A-Za-z]+$", word) if first else re.match(r"^-[A-Za-z]+$", word)
    return word in ("--extract", "--get") or (bool(bundled) and "x" in word)
