# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a command as the app would be run: its user, its groups, its environment, its folder."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass

from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts


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
) -> Finished:
    """Run argv as the app's user and wait for it, for at most `timeout` seconds; its children end with it.

    output: a descriptor that takes what the command prints, which is then not returned.
    to_the_end: whether it goes on though the run's own time is up, because it is worse to stop it than to wait.
    Never raises for what the command does; KeyError where user or group is unknown.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            env={**env, **state_directory.mark()},
            cwd=cwd,
            start_new_session=True,
            **accounts.identity(user, group),
        )
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
