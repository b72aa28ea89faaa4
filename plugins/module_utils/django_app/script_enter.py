# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a program as the app's account in the app's own view of the file system. own_view.py starts it as root.

The account's ids are taken before anything of that view is run; until then nothing of it is imported or opened.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

_KEEPCAPS, _AMBIENT, _RAISE, _NEWNS = 8, 47, 2, 0x00020000
_CAPABILITY_VERSION_3 = 0x20080522


def enter(account: dict[str, Any]) -> None:
    """Take on {uid, gid, groups, capabilities}, and the mount namespace of {namespaces}. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if "mnt" in account["namespaces"]:
        _call(libc.setns, os.open(account["namespaces"]["mnt"], os.O_RDONLY), _NEWNS)
    _call(libc.prctl, _KEEPCAPS, 1, 0, 0, 0)
    os.setgroups(account["groups"])
    os.setresgid(account["gid"], account["gid"], account["gid"])
    os.setresuid(account["uid"], account["uid"], account["uid"])
    own = account["capabilities"]
    sets = (ctypes.c_uint32 * 6)(own, own, own, 0, 0, 0)
    _call(libc.capset, (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), sets)
    for number in range(32):
        if own >> number & 1:
            _call(libc.prctl, _AMBIENT, _RAISE, number, 0, 0)


def _call(function: Any, *arguments: Any) -> None:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    """Read {account, cwd, environment} from the descriptor that is named first, and become the words after it."""
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as file:
        wanted = json.load(file)
    enter(wanted["account"])
    os.chdir(wanted["cwd"])
    os.execve(sys.argv[2], sys.argv[2:], wanted["environment"])


if __name__ == "__main__":
    main()
