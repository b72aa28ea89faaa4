# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A virtual environment is prepared in a folder beside the one in use and takes its place at once.

However it is interrupted, what is in use is the old one or the new one, whole; or, where the kernel cannot exchange two
folders, for a moment none, and the next run puts the new one there.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils import tree, tree_copy

SIDE = ".{}.rescue502-new"
OLD = "{}.rescue502-old-{}"
OLD_TIME = "%Y%m%dT%H%M%SZ"
# How many old ones stay.
KEPT = 2
# In a complete new environment until the old one is away; it holds the old one's name.
MARK = ".rescue502-complete"
# In a complete new environment whose predecessor could only be copied aside: what is in its place may go.
COMMITTED = ".rescue502-committed"
# RENAME_EXCHANGE of renameat2(2).
_EXCHANGE = 2


class Beside:
    """The folder beside a virtual environment. As a context it is gone at the end, unless it has taken the place."""

    def __init__(self, venv: str) -> None:
        """Raises OSError where there is no folder to hold it, or a link on the way cannot be trusted."""
        linked = os.path.islink(venv)
        # Programs in it name the environment as the unit does, so only a link of its own is followed for good.
        self.venv = tree.resolve(venv) if linked else os.path.abspath(venv)
        folder, self.name = os.path.split(self.venv)
        self.side_name = SIDE.format(self.name)
        self.side = os.path.join(folder, self.side_name)
        self.folder = tree.resolve(folder)
        self.real = os.path.join(self.folder, self.name)
        self._fd = tree.open_folder(self.folder)

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_error: object) -> None:
        self.settle()
        os.close(self._fd)

    def why_in_place(self) -> str:
        """Why a new one cannot take the old one's place; empty where it can."""
        return f"{self.venv} is a mount point" if os.path.ismount(self.venv) else ""

    def settle(self) -> bool:
        """Finish or clear away what an interrupted run left. Whether what is in use is another one now."""
        exchanged, ready = self._mark(self.name), self._mark(self.side_name)
        done = exchanged is not None or (ready is not None and self._may_move_in())
        if exchanged is not None:
            if self._exists(self.side_name):
                self._rename(self.side_name, self._valid_old_name(exchanged))
        elif done:
            self._remove(self.name)
            self._rename(self.side_name, self.name)
        elif ready is not None and self._is_old(ready):
            # A copy of the one that is still in use.
            self._remove(ready)
        self._unmark()
        self._remove(self.side_name)
        return done

    def _may_move_in(self) -> bool:
        """Whether the place of the complete new one is empty, or what is in it was kept elsewhere and may go."""
        return not self._exists(self.name) or self._mark(self.side_name, COMMITTED) is not None

    def begin(self, owner: os.stat_result, mode: int, filled: bool) -> None:
        """Make the folder, its owner's; filled: with all that is in the present one. Raises OSError."""
        os.mkdir(self.side_name, 0o700, dir_fd=self._fd)
        new = self._open(self.side_name)
        try:
            if os.fstat(new).st_uid != os.geteuid():
                raise PermissionError(f"{self.side} is somebody else's")
            if filled:
                old = self._open(self.name)
                try:
                    tree_copy.fill(old, new, self.venv)
                finally:
                    os.close(old)
            os.fchmod(new, mode)
            os.fchown(new, owner.st_uid, owner.st_gid)
        finally:
            os.close(new)

    def old_name(self) -> str:
        """A name for the old one that tells when it was put aside; empty where there is none."""
        return self._valid_old_name("") if self._exists(self.name) else ""

    def take_place(self, old_name: str) -> None:
        """Put the complete new environment where the old one is, which becomes `old_name`. Raises OSError."""
        self._set_mark(MARK, old_name)
        self._flush(self.side_name)
        if old_name and self._exchange():
            self._rename(self.side_name, old_name)
        else:
            if old_name:
                self._put_aside(old_name)
            self._rename(self.side_name, self.name)
        os.fsync(self._fd)
        self._unmark()
        self._forget_old()

    def stamp(self) -> dict[str, Any]:
        """What tells later whether the environment that is now beside was changed since."""
        return tree_copy.stamp(os.path.join(self.folder, self.side_name))

    def put_back(self, old_name: str) -> None:
        """Put an old environment back in the present one's place, which is removed; empty: remove it only."""
        if self._exists(self.name):
            self._rename(self.name, self.side_name)
        if old_name:
            self._rename(old_name, self.name)
        os.fsync(self._fd)

    def _put_aside(self, old_name: str) -> None:
        try:
            self._rename(self.name, old_name)
        except OSError as error:
            # A folder of a container's image cannot be renamed.
            if error.errno != errno.EXDEV:
                raise
            self._copy_aside(old_name)
            self._set_mark(COMMITTED, old_name)
            self._flush(self.side_name)
            self._remove(self.name)

    def _exchange(self) -> bool:
        """Exchange the two folders in one step; False where the C library, kernel or file system cannot."""
        try:
            renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
        except (OSError, AttributeError):
            return False
        names = (os.fsencode(self.side_name), os.fsencode(self.name))
        return bool(renameat2(self._fd, names[0], self._fd, names[1], _EXCHANGE) == 0)

    def _copy_aside(self, old_name: str) -> None:
        os.mkdir(old_name, 0o700, dir_fd=self._fd)
        old, new = self._open(self.name), self._open(old_name)
        try:
            tree_copy.fill(old, new, self.venv)
            tree_copy.make_like(old, new)
        finally:
            os.close(old)
            os.close(new)
        self._flush(old_name)

    def _flush(self, name: str) -> None:
        """Have all of a folder's file system on the disk."""
        folder = self._open(name)
        try:
            ctypes.CDLL(None).syncfs(folder)
        except (OSError, AttributeError):
            os.sync()
        finally:
            os.close(folder)

    def _set_mark(self, mark: str, text: str) -> None:
        folder = self._open(self.side_name)
        try:
            # The environment's owner may have put anything there.
            if mark in os.listdir(folder):
                os.unlink(mark, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(mark, flags, 0o600, dir_fd=folder), "w", encoding="utf-8") as file:
                file.write(text)
        finally:
            os.close(folder)

    def _mark(self, name: str, mark: str = MARK) -> str | None:
        """What a folder's mark holds; None where there is no such folder, or no mark in it."""
        try:
            folder = self._open(name)
        except OSError:
            return None
        try:
            with os.fdopen(os.open(mark, tree.FILE, dir_fd=folder), encoding="utf-8", errors="replace") as file:
                return file.read(300)
        except OSError:
            return None
        finally:
            os.close(folder)

    def _unmark(self) -> None:
        """Take the marks out of the environment that is in use."""
        try:
            folder = self._open(self.name)
        except OSError:
            return
        for mark in (MARK, COMMITTED):
            if mark in os.listdir(folder):
                os.unlink(mark, dir_fd=folder)
        os.close(folder)

    def _valid_old_name(self, told: str) -> str:
        """The name that a mark tells for the old one, where it is such a name and free; else a new one."""
        if self._is_old(told) and not self._exists(told):
            return told
        return OLD.format(self.name, time.strftime(OLD_TIME, time.gmtime()))

    def _is_old(self, name: str) -> bool:
        return bool(re.fullmatch(re.escape(OLD.format(self.name, "")) + r"\d{8}T\d{6}Z", name))

    def _forget_old(self) -> None:
        """Keep the newest of the old ones, and no more."""
        for name in sorted(name for name in os.listdir(self._fd) if self._is_old(name))[:-KEPT]:
            self._remove(name)

    def _open(self, name: str) -> int:
        return os.open(name, tree_copy.FOLDER, dir_fd=self._fd)

    def _rename(self, name: str, new_name: str) -> None:
        os.rename(name, new_name, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def _exists(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _remove(self, name: str) -> None:
        """Remove a folder with all that is in it. rmtree goes from open folder to open folder and follows no link."""
        shutil.rmtree(f"/proc/self/fd/{self._fd}/{name}", ignore_errors=True)
