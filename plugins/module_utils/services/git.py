# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""git, run as the owner of a checkout, with nothing of the checkout's own that would run programs."""

from __future__ import annotations

import os
import pwd

from ansible_collections.rescue502.django.plugins.module_utils.run.commands import run_as

TIMEOUT = 60.0
WORDS = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "safe.directory=*"]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


class GitError(Exception):
    """git failed; the text is what it said."""


def git(top: str, *words: str) -> str:
    """What git prints, run in the checkout `top`. Raises GitError, OSError where there is no such checkout."""
    owner = pwd.getpwuid(os.stat(os.path.join(top, ".git")).st_uid).pw_name
    done = run_as(owner, None, [*WORDS, "-C", top, *words], ENVIRONMENT, "/", TIMEOUT)
    if done.returncode:
        raise GitError(f"git {words[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()
