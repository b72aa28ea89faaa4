# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Owner, group, mode and access control list of one file: changed as a violation wants them, and given back.

A violation is what violations.py finds: {path, inode, owner, group, mode, acl}.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access, hard_links, posix_acl, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log


def repair(item: dict[str, Any]) -> dict[str, Any]:
    """Change one file as wanted, through a descriptor, so that no link leads elsewhere; what it was, for restore().

    Raises OSError where another file is in its place.
    """
    path = safe_files.resolve(item["path"])
    descriptor = safe_files.open_entry(path)
    try:
        status = os.fstat(descriptor)
        if status.st_ino != item["inode"]:
            raise OSError("another file was put in its place")
        hard_links.require_own_name(path, status)
        before = {"path": path, "inode": status.st_ino, "acl": posix_acl.read(descriptor) if item.get("acl") else None}
        before.update(owner=status.st_uid, group=status.st_gid, mode=f"{stat.S_IMODE(status.st_mode):04o}")
        change(descriptor, item, wanted_acl(item, status, descriptor))
    finally:
        os.close(descriptor)
    return before


def restore(before: dict[str, Any]) -> None:
    """Give a file back what it was before repair(). Raises OSError where another file is in its place."""
    descriptor = safe_files.open_entry(before["path"])
    try:
        if os.fstat(descriptor).st_ino != before["inode"]:
            raise OSError("another file was put in its place")
        change(descriptor, before, before["acl"])
    finally:
        os.close(descriptor)


def as_undone(item: dict[str, Any]) -> dict[str, Any]:
    """What has to be known to take the change back."""
    path = safe_files.resolve(item["path"])
    acl = wanted_acl(item, os.lstat(path), path)
    return undo_log.owner_and_mode(path, item["owner"], item["group"], int(item["mode"], 8), acl)


def change(descriptor: int, wanted: dict[str, Any], acl: posix_acl.Acl | None) -> None:
    """Give an open file its owner, group and mode, and an access control list unless that is None."""
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (wanted["owner"], wanted["group"]):
        os.fchown(descriptor, wanted["owner"], wanted["group"])
    if acl is not None:
        posix_acl.write(descriptor, acl)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != int(wanted["mode"], 8):
        os.fchmod(descriptor, int(wanted["mode"], 8))


def wanted_acl(item: dict[str, Any], status: os.stat_result, file: str | int) -> posix_acl.Acl | None:
    """The access control list that a file is to have; None where it stays as it is."""
    if not item.get("acl"):
        return None
    _kind, uid, letters = item["acl"].split(":")
    need = sum({"r": access.READ, "w": access.WRITE, "x": access.ENTER}[letter] for letter in letters)
    return posix_acl.with_user(status, posix_acl.read(file), int(uid), need)
