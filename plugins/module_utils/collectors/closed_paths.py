# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and folders of the system's own that every program needs, and that root's mode keeps from the app's account.

By owner and mode: what asks the kernel as that account could not be started where its own Python is closed.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

# Of a folder that is listed too, both; of one that is passed through, the right to enter.
_LISTED = access.READ | access.ENTER
_FOLDERS = ("/", "/etc", "/dev", "/usr", "/usr/bin", "/usr/lib", "/lib64")
_FILES = (("/dev/null", access.READ | access.WRITE), ("/dev/urandom", access.READ))


def collect(stack: Stack) -> list[dict[str, Any]]:
    """{path, mode, owner, group} of each that the app's account may not use; none where it is not known, or root."""
    try:
        account = access.Account(stack.user, stack.group)
    except KeyError:
        return []
    found = []
    for path, wanted in dict(_needed(os.path.realpath(stack.python))).items():
        try:
            status = os.stat(path)
        except OSError:
            continue
        # What somebody else owns is no part of the system.
        if status.st_uid == 0 and not account.may(status, wanted):
            found.append(
                {
                    "path": path,
                    "mode": f"{status.st_mode & 0o7777:04o}",
                    "owner": accounts.user_name(status.st_uid),
                    "group": accounts.group_name(status.st_gid),
                }
            )
    return found


def _needed(python: str) -> Iterator[tuple[str, int]]:
    """(path, rights) of what a start of this interpreter goes through."""
    yield from ((path, access.ENTER) for path in (*_FOLDERS, *glob.glob("/usr/lib/*-linux-gnu*")))
    yield from _FILES
    if not python.startswith("/usr/"):
        return
    yield python, access.ENTER
    version = re.search(r"python(3\.\d+)$", python)
    if version:
        library = os.path.join(os.path.dirname(os.path.dirname(python)), "lib", f"python{version[1]}")
        yield library, _LISTED
        yield os.path.join(library, "encodings"), _LISTED
