# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Folders in which the app is to make its sockets, and cannot, for its unit has made them read-only for it.

Asked of the kernel through a program that systemd has started within the unit's sandbox.
"""

from __future__ import annotations

import os

from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack


def find(stack: Stack, pid: str) -> list[str]:
    """Folders of the app's sockets that are read-only where the process is, and are not where we are."""
    folders = dict.fromkeys(os.path.dirname(bind["path"]) for bind in stack.bind if bind["path"].startswith("/"))
    seen = f"/proc/{pid}/root"
    return [folder for folder in folders if _is_read_only(seen + folder) and not _is_read_only(folder)]


def _is_read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False
