# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of the app's whose unit gives it more than its account has: capabilities, or a view of files of its own."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys

from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_enter
from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets


def is_given(stack: Stack) -> bool:
    """Whether the unit's processes see other files than the host's at the app's own paths, or above or below them."""
    own = [os.path.join(path, "") for path in (stack.root, stack.venv, stack.cwd) if path]
    mounts = [os.path.join(path, "") for path in access.own_mounts(stack.properties)]
    return any(path.startswith(mount) or mount.startswith(path) for path in own for mount in mounts)


def is_out_of_reach(stack: Stack) -> bool:
    """Whether it has one, and no process runs to look with."""
    return is_given(stack) and not sockets.unit_pids(stack.properties)


def account(stack: Stack) -> access.Account | None:
    """The account with what the unit gives it; None where that is no more than it has, or this one may not give it.

    Raises KeyError where there is no such account.
    """
    found = access.Account.of_unit(stack.user, stack.group, stack.properties)
    more = bool(found.capabilities) or (bool(found.pid) and is_given(stack))
    return found if more and found.uid and os.geteuid() == 0 else None


def start(
    who: access.Account, words: list[str], environment: dict[str, str], cwd: str, keep: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """Start a program as that account, in a session of its own. keep: descriptors that it gets. Raises OSError.

    What the app's user can write is in its environment: only the program itself gets that, and not the root that
    becomes the account before.
    """
    wanted = os.memfd_create("rescue502")
    facts = {"account": who.facts(), "cwd": cwd, "environment": environment}
    with os.fdopen(wanted, "w", encoding="utf-8") as file:
        json.dump(facts, file)
        file.flush()
        os.lseek(wanted, 0, os.SEEK_SET)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", inspect.getsource(script_enter), str(wanted), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            pass_fds=(wanted, *keep),
            start_new_session=True,
        )
