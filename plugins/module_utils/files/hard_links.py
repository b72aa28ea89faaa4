# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard against hard links: who can write a folder could have linked any file of its file system into it.

Where the kernel's fs.protected_hardlinks is off, even files that the account could neither read nor write.
"""

from __future__ import annotations

import os
import stat

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files


def has_other_names(status: os.stat_result) -> bool:
    """Whether a file, by its status, has more names than one. Folders count their subfolders, and never do."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def require_own_name(path: str, status: os.stat_result) -> None:
    """Refuse a file that has other names, where somebody else than its owner can have put this one there.

    path: the absolute real path that the file was opened by; status: that of its descriptor. Raises OSError. The folder
    is judged and asked for the file through one descriptor: it may have taken the place of another one since.
    """
    if not has_other_names(status):
        return
    parent, name = os.path.split(path)
    descriptor = safe_files.open_folder(parent)
    try:
        folder = os.fstat(descriptor)
        entry = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    finally:
        os.close(descriptor)
    same = (entry.st_dev, entry.st_ino) == (status.st_dev, status.st_ino)
    if not same or folder.st_uid != status.st_uid or folder.st_mode & 0o022:
        raise OSError("it is the same file as one elsewhere, whose owner did not put it here")
