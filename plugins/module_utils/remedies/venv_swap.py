# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A virtual environment is built in a staging folder, next to the one in use, and replaces it atomically.

However it is interrupted, what is in use is the old one or the new one, whole; or, where the kernel cannot exchange two
folders, for a moment none, and the next run puts the new one there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import hardlink_copy, safe_files, virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.files.directory_handle import OpenFolder
from ansible_collections.rescue502.django.plugins.module_utils.remedies import old_venvs
from ansible_collections.rescue502.django.plugins.module_utils.services import installed_packages
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems

STAGED = ".{}.rescue502-new"
OLD = "{}.rescue502-old-{}"
OLD_TIME = "%Y%m%dT%H%M%SZ"
# How many old ones stay; older ones too, where they may hold somebody's only copy of a file.
KEPT = 2
# Of a file of an old one, to see whether the one in use has it too; in bytes.
MOST_COMPARED = 2**26
# In a complete new environment until the old one is away; it holds the old one's name.
MARK = ".rescue502-complete"
# In a complete new environment whose predecessor could only be copied aside: what is in its place may go.
COMMITTED = ".rescue502-committed"
# Gives the staging folder its final name, in the programs and in what activates the environment. Run as its owner, so
# that it can write nothing that is not theirs.
RENAME = """
import os, stat, sys
folder, old, new = sys.argv[1], os.fsencode(sys.argv[2]), os.fsencode(sys.argv[3])
programs = os.path.join(folder, "bin")
for path in [os.path.join(folder, "pyvenv.cfg"), *(os.path.join(programs, name) for name in os.listdir(programs))]:
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except OSError:
        continue
    with file:
        status = os.fstat(file.fileno())
        text = file.read(2**20) if stat.S_ISREG(status.st_mode) else b""
    if old not in text or b"\\0" in text or len(text) < status.st_size:
        continue
    with open(path + ".part", "wb") as file:
        file.write(text.replace(old, new))
    os.chmod(path + ".part", stat.S_IMODE(status.st_mode))
    os.replace(path + ".part", path)
"""


class StagedVenv:
    """A virtual environment's staging folder. As a context it is removed at the end, unless it has replaced it."""

    def __init__(self, venv: str) -> None:
        """Raises OSError where there is no folder to hold it, or a link on the way cannot be trusted."""
        # Programs in it name the environment as the unit does, so only a link of its own is followed for good.
        self.venv = safe_files.resolve(venv) if os.path.islink(venv) else os.path.abspath(venv)
        folder, self.name = os.path.split(self.venv)
        self.staged_name = STAGED.format(self.name)
        self.path = os.path.join(folder, self.staged_name)
        self._folder = OpenFolder(safe_files.resolve(folder))

    def __enter__(self) -> StagedVenv:
        return self

    def __exit__(self, *_error: object) -> None:
        self.settle()
        self._folder.close()

    def real(self, name: str) -> str:
        """The real path of something in the folder that holds the environment."""
        return os.path.join(self._folder.path, name)

    def why_in_place(self) -> str:
        """Why a new one cannot take the old one's place; empty where it can."""
        path = self.real(self.name)
        if more := virtual_env.other_content(path):
            return f"{os.path.join(path, more)} is no part of a virtual environment"
        mounted = [mount for mount in filesystems.mount_points() if filesystems.is_below(mount, path)]
        return f"{mounted[0]} is a mount point" if mounted else ""

    def settle(self) -> bool:
        """Finish or clear away what an interrupted run left. Whether what is in use is another one now."""
        exchanged = self._folder.read_mark(self.name, MARK)
        ready = self._folder.read_mark(self.staged_name, MARK)
        done = exchanged is not None or (ready is not None and self._may_move_in())
        if exchanged is not None:
            if self._folder.exists(self.staged_name):
                self._folder.rename(self.staged_name, self._valid_old_name(exchanged))
        elif done:
            self._folder.remove(self.name)
            self._folder.rename(self.staged_name, self.name)
        elif ready is not None and self._is_old(ready):
            # A copy of the one that is still in use.
            self._folder.remove(ready)
        self._unmark()
        self._folder.remove(self.staged_name)
        return done

    def _may_move_in(self) -> bool:
        """Whether the place of the complete new one is empty, or what is in it was kept elsewhere and may go."""
        return not self._folder.exists(self.name) or self._folder.read_mark(self.staged_name, COMMITTED) is not None

    def begin(self, owner: os.stat_result, mode: int, filled: bool) -> None:
        """Make the folder, its owner's; filled: with all that is in the present one. Raises OSError."""
        new = self._folder.make(self.staged_name)
        try:
            if filled:
                self._fill(new)
            os.fchmod(new, mode)
            os.fchown(new, owner.st_uid, owner.st_gid)
        finally:
            os.close(new)

    def _fill(self, new: int) -> None:
        """Copy the environment in use, its own folder's owner and mode included."""
        old = self._folder.open(self.name)
        try:
            hardlink_copy.fill(old, new, self.venv)
            hardlink_copy.make_like(old, new)
        finally:
            os.close(old)

    def stamp(self) -> dict[str, Any]:
        """A stamp of the staged environment (hardlink_copy.stamp), by which undo sees a later change."""
        return hardlink_copy.stamp(self.real(self.staged_name))

    def old_name(self) -> str:
        """A name for the old one, with the time when it was put aside (UTC); empty where there is none."""
        return self._valid_old_name("") if self._folder.exists(self.name) else ""

    def replace(self, old_name: str) -> None:
        """Replace the old environment, which becomes `old_name`, by the complete staged one. Raises OSError."""
        self._folder.mark(self.staged_name, MARK, old_name)
        self._folder.flush(self.staged_name)
        if old_name and self._folder.exchange(self.staged_name, self.name):
            self._folder.rename(self.staged_name, old_name)
        else:
            if old_name:
                self._put_aside(old_name)
            self._folder.rename(self.staged_name, self.name)
        self._folder.flush()
        self._unmark()
        old = sorted(filter(self._is_old, {*self._folder.names(), *old_venvs.names(self._folder)}))
        for name in old[:-KEPT]:
            self._remove_old(name)
        if old_name:
            old_venvs.put_away(self._folder, old_name)

    def _remove_old(self, name: str) -> None:
        path = old_venvs.find(self.real(name))
        if not self._may_hold_an_only_copy(path):
            with contextlib.closing(OpenFolder(os.path.dirname(path))) as folder:
                folder.remove(name)

    def _may_hold_an_only_copy(self, old: str) -> bool:
        """Whether an old environment has a file that no installer brings again, and that the one in use has not."""
        new = self.real(self.name)
        return any(
            not _is_same(os.path.join(old, name), os.path.join(new, name))
            for name in installed_packages.unrecorded(old)
        )

    def _put_aside(self, old_name: str) -> None:
        try:
            self._folder.rename(self.name, old_name)
        except OSError as error:
            # A folder of a container's image cannot be renamed.
            if error.errno != errno.EXDEV:
                raise
            copy = self._folder.make(old_name)
            try:
                self._fill(copy)
            finally:
                os.close(copy)
            self._folder.mark(self.staged_name, COMMITTED, old_name)
            self._folder.flush(self.staged_name)
            self._folder.remove(self.name)

    def put_back(self, old_name: str) -> None:
        """Put an old environment back in the present one's place, which is removed; empty: remove it only."""
        if old_name:
            old_venvs.bring_back(self._folder, old_name)
        if self._folder.exists(self.name):
            self._folder.rename(self.name, self.staged_name)
        if old_name:
            self._folder.rename(old_name, self.name)
        self._folder.flush()

    def _unmark(self) -> None:
        """Take the marks out of the environment that is in use."""
        for mark in (MARK, COMMITTED):
            self._folder.unmark(self.name, mark)

    def _valid_old_name(self, marked: str) -> str:
        """The name that a mark gives for the old one, where it is such a name and free; else a new one."""
        if self._is_old(marked) and not self._folder.exists(marked):
            return marked
        return OLD.format(self.name, time.strftime(OLD_TIME, time.gmtime()))

    def _is_old(self, name: str) -> bool:
        return bool(re.fullmatch(re.escape(OLD.format(self.name, "")) + r"\d{8}T\d{6}Z", name))


def _is_same(path: str, other: str) -> bool:
    """Whether two files, no links, have the same content; not of large ones, which are not read whole."""
    try:
        one, two = os.lstat(path), os.lstat(other)
        if os.path.samestat(one, two):
            return True
        content = [safe_files.read_bytes(name, MOST_COMPARED) for name in (path, other)]
    except OSError:
        return False
    return one.st_size == two.st_size == len(content[0]) and content[0] == content[1]
