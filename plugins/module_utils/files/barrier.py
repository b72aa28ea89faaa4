# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The component of a path that refuses an account: the kernel is asked about each folder on the way, from the top."""

from __future__ import annotations

import os
import stat

from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, READ, Account
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question
from ansible_collections.rescue502.django.plugins.module_utils.system.accounts import group_name, user_name


def first(path: str, account: Account, need: int = READ) -> str:
    """What bars an account's way to an absolute path, or the path itself, with its mode and owner; empty where none.

    What is not there, or cannot be looked at, bars nothing.
    """
    parts = [part for part in os.path.normpath(path).split("/") if part]
    with KernelAccess(account) as kernel:
        for number in range(len(parts) + 1):
            component = "/" + "/".join(parts[:number])
            try:
                status = os.stat(component)
            except OSError:
                return ""
            wanted = need if number == len(parts) else ENTER
            if kernel.denied([Question(os.path.realpath(component), status, wanted)]):
                owner = f"{user_name(status.st_uid)}:{group_name(status.st_gid)}"
                return f"{component} ({stat.filemode(status.st_mode)} {owner})"
    return ""
