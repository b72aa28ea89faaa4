# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What opening a file to the app's account may give away: who can write a folder can move another's file to any name.

So a file of root's that the app cannot read, where its code or an upload should be, may be root's secret.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.files.access import READ, SKIP_NAMES, Account

# More files in one closed folder than anybody should read to be sure.
MANY = 2000


def doubt(path: str, status: os.stat_result, account: Account, knows: Callable[[str], bool]) -> str:
    """Why opening it may give away what is not the app's, as the end of a sentence; empty where it cannot.

    It cannot where it is the account's own, where nobody but root and its owner could have put it there, and where
    `knows` says of its content that it is the app's code. Of a folder its files count that it alone keeps closed.
    """
    if status.st_uid == account.uid or not write_access.on_the_way(os.path.dirname(path), status.st_uid):
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return "" if knows(path) else "may be somebody else's: its content is not that of the app's code"
    left = MANY
    for entry in safe_files.walk(path, skip_names=SKIP_NAMES):
        left -= 1
        if left < 0:
            return "may hold somebody else's files: it has too many to be read"
        if entry.is_dir or entry.st.st_uid == account.uid or not account.may(entry.st, READ):
            continue
        if not knows(entry.path):
            return f"may hold somebody else's files: {os.path.relpath(entry.path, path)} is not of the app's code"
    return ""
