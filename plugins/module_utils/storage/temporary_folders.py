# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host's folders for temporary files, which every account must be able to use (file-hierarchy(7))."""

from __future__ import annotations

import os
import stat
from typing import Any

FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
# What the kernel's file systems are in; nothing is made there.
_MOUNTED = "/dev/"
WANTED = 0o1777


def wrong(folders: tuple[str, ...] = FOLDERS) -> list[dict[str, Any]]:
    """Those that have lost what all of them must have: {path, missing, mode, owner, problem}. A link is not judged."""
    found = []
    for path in folders:
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            if path.startswith(_MOUNTED):
                continue
            found.append({"path": path, "missing": True, "mode": "", "owner": 0, "problem": "it is not there"})
            continue
        except OSError:
            continue
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode) and mode & WANTED != WANTED:
            facts = {
                "mode": f"{mode:04o}",
                "owner": status.st_uid,
                "problem": f"its mode is {mode:04o} instead of 1777",
            }
            found.append({"path": path, "missing": False, **facts})
    return found
