# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard against hard links: who can write a folder could have linked any file of its file system into it.

Where the kernel's fs.protected_hardlinks is off, even files that the account could neither read nor write.
"""

from __future__ import annotations

import os
import stat


def has_other_names(status: os.stat_result) -> bool:
    """Whether a file, by its status, has more names than one. Folders count their subfolders, and never do."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def require_own_name(path: str, status: os.stat_result) -> None:
    """Refuse a file that has other names, where somebody else than its owner can have put this one there.

    path: the absolute real path that the file was opened by; status: that of its descriptor. Raises OSError.
    """
    if not has_other_names(status):
        return
    folder = os.lstat(os.path.dirname(path))
    if folder.st_uid != status.st_uid or folder.st_mode & 0o022:
        raise OSError("it is the same file as one elsewhere, whose owner did not put it here")
