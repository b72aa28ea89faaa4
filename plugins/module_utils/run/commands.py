# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a command as the app would be run: its user, its groups, its environment, its folder.

Whatever is the app's is started from here and from nowhere else (tests/unit/test_started_programs.py). As root only
where nobody but root can write what the program is, or obeys.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import virtual_env, write_access
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

# Popen enters the folder as root, and becomes the account then: what is in it would be open to who may not enter.
_ENTER = ["/bin/sh", "-c", 'cd -P -- "$0" && exec "$@"']


class RefusedError(PermissionError):
    """Something is not run as root; the text says what somebody else can write."""


@dataclass
class Finished:
    """How a command ended. returncode is -1 where it could not be started or ran out of time."""

    returncode: int
    stdout: str
    stderr: str
    timed_out: bool = False

    @property
    def words(self) -> str:
        """What it said of its failure: on standard error, or where that is empty, on standard output."""
        return self.stderr.strip() or self.stdout.strip()


def run_as(
    user: str,
    group: str | None,
    argv: list[str],
    env: dict[str, str],
    cwd: str,
    timeout: float,
    stdin: str = "",
    output: int = subprocess.PIPE,
    to_the_end: bool = False,
    inputs: Sequence[str] = (),
    more_groups: list[int] | None = None,
) -> Finished:
    """Run argv as the app's user and wait for it, for at most `timeout` seconds; its children end with it.

    output: a descriptor that takes what the command prints, which is then not returned.
    to_the_end: whether it goes on though the run's own time is up, because it is worse to stop it than to wait.
    inputs: as for start().
    more_groups: ids of groups that it is in besides the account's own.
    Never raises for what the command does; KeyError where user or group is unknown.
    """
    streams = {"stdin": subprocess.PIPE, "stdout": output, "stderr": subprocess.PIPE}
    try:
        process = start(user, group, argv, {**env, **state_directory.mark()}, cwd, inputs, more_groups, **streams)
    except (OSError, subprocess.SubprocessError) as error:
        return Finished(-1, "", f"{argv[0]}: {error}")
    timed_out = False
    timeout = timeout if to_the_end else state_directory.seconds_left(timeout)
    try:
        out, err = process.communicate(stdin.encode(), timeout=timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    returncode = -1 if timed_out else process.returncode
    return Finished(returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace"), timed_out)


def start(
    user: str,
    group: str | None,
    argv: list[str],
    env: dict[str, str],
    cwd: str,
    inputs: Sequence[str],
    more_groups: list[int] | None = None,
    **streams: Any,
) -> subprocess.Popen[bytes]:
    """Start argv as an account, in a session of its own. streams: further arguments of Popen.

    inputs: files and folders that the program obeys besides its own and the folder it starts in.
    more_groups: ids of groups that it is in besides the account's own.
    Raises KeyError where user or group is unknown, RefusedError where it would run as root and must not, and what
    Popen raises.
    """
    if why := refusal(user, argv[0], env, cwd, inputs):
        raise RefusedError(why)
    identity = accounts.identity(user, group, more_groups)
    if identity.get("user") and cwd != "/":
        if not shutil.which(argv[0], path=env.get("PATH", os.defpath)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
        argv, cwd = [*_ENTER, cwd, *argv], "/"
    return subprocess.Popen(argv, env=env, cwd=cwd, start_new_session=True, **streams, **identity)


def refusal(user: str, program: str, env: dict[str, str], cwd: str, inputs: Sequence[str]) -> str:
    """Why a program is not run as this account; empty where it may be. KeyError where the user is unknown.

    Only root is too much to be anybody's: the program, its virtual environment, the folder that it starts in, and all
    its inputs must be such as nobody else can write.
    """
    if accounts.account_ids(user, None)[0] != 0:
        return ""
    path = shutil.which(program, path=env.get("PATH", os.defpath)) or program
    prefix = os.path.dirname(os.path.dirname(path))
    places = [path, *([prefix] if _is_environment(prefix) else []), *inputs]
    found = write_access.on_the_way(cwd, 0) or write_access.first_open(places, 0)
    return f"{os.path.basename(program)} is not run as root: others can write {found}" if found else ""


def _is_environment(prefix: str) -> bool:
    """Whether a folder holds what a Python in it imports: a virtual environment, or an installation of its own."""
    return prefix not in virtual_env.SYSTEM_PREFIXES and virtual_env.is_one(prefix)
