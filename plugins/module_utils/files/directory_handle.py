# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder that stays open while entries of it are renamed, exchanged, written, marked, removed; no link is followed.

Every name is that of an entry of the folder, without a separator.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

# RENAME_EXCHANGE of renameat2(2).
_EXCHANGE = 2
_MOST = 300


class OpenFolder:
    """The folder at an absolute real path. Its methods raise OSError unless they say otherwise."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = safe_files.open_folder(path)

    def close(self) -> None:
        """Let the folder go."""
        os.close(self._fd)

    def names(self) -> list[str]:
        """The names of all that is in it."""
        return os.listdir(self._fd)

    def open(self, name: str) -> int:
        """A descriptor of a folder in it."""
        return os.open(name, safe_files.FOLDER, dir_fd=self._fd)

    def make(self, name: str) -> int:
        """Make a folder that only this process's user may enter, and open it.

        PermissionError where somebody else's is there.
        """
        os.mkdir(name, 0o700, dir_fd=self._fd)
        descriptor = self.open(name)
        if os.fstat(descriptor).st_uid != os.geteuid():
            os.close(descriptor)
            raise PermissionError(f"{os.path.join(self.path, name)} is somebody else's")
        return descriptor

    def exists(self, name: str) -> bool:
        """Whether anything has that name."""
        try:
            os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def rename(self, name: str, new_name: str) -> None:
        """Give what has one name another one."""
        os.rename(name, new_name, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def move(self, name: str, folder: OpenFolder) -> None:
        """Give what has a name the same one in another folder of the same file system."""
        os.rename(name, name, src_dir_fd=self._fd, dst_dir_fd=folder._fd)

    def exchange(self, one: str, other: str) -> bool:
        """Exchange two names in one step; False where the C library, the kernel or the file system cannot."""
        try:
            renameat2 = ctypes.CDLL(None).renameat2
        except (OSError, AttributeError):
            return False
        done = renameat2(self._fd, os.fsencode(one), self._fd, os.fsencode(other), _EXCHANGE)
        return bool(done == 0)

    def remove(self, name: str) -> None:
        """Remove a folder with all that is in it, as far as that can be done; raises nothing."""
        # rmtree goes from open folder to open folder.
        shutil.rmtree(f"/proc/self/fd/{self._fd}/{name}", ignore_errors=True)

    def write(
        self, name: str, content: bytes, owner: tuple[int, int], mode: int, changed: int = 0, replace: bool = True
    ) -> None:
        """Write a file whole under a staging name, then give it `name` in one step.

        owner: ids of user and group. changed: its time of change in nanoseconds since the epoch; now unless given.
        replace: whether it takes the place of what has that name; else FileExistsError where anything has.
        """
        staging = f".rescue502-{secrets.token_hex(8)}"
        descriptor = os.open(staging, safe_files.NEW, 0o600, dir_fd=self._fd)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                if changed:
                    os.utime(file.fileno(), ns=(changed, changed))
                os.fchown(file.fileno(), *owner)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            if replace:
                self.rename(staging, name)
            else:
                os.link(staging, name, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staging, dir_fd=self._fd)

    def flush(self, name: str = "") -> None:
        """Have its own entries on the disk; with a name, all of the file system that this folder is on."""
        if not name:
            os.fsync(self._fd)
            return
        folder = self.open(name)
        try:
            ctypes.CDLL(None).syncfs(folder)
        except (OSError, AttributeError):
            os.sync()
        finally:
            os.close(folder)

    def mark(self, name: str, mark: str, text: str) -> None:
        """Put a small file into a folder, whatever of that name its owner may have put there."""
        self.unmark(name, mark)
        folder = self.open(name)
        try:
            with os.fdopen(os.open(mark, safe_files.NEW, 0o600, dir_fd=folder), "w", encoding="utf-8") as file:
                file.write(text)
        finally:
            os.close(folder)

    def read_mark(self, name: str, mark: str) -> str | None:
        """What such a file holds; None where there is no such folder, or no such file in it. Raises nothing."""
        try:
            folder = self.open(name)
        except OSError:
            return None
        try:
            with os.fdopen(os.open(mark, safe_files.FILE, dir_fd=folder), encoding="utf-8", errors="replace") as file:
                return file.read(_MOST)
        except OSError:
            return None
        finally:
            os.close(folder)

    def unmark(self, name: str, mark: str) -> None:
        """Take such a file out of a folder, where there are both. Raises nothing."""
        try:
            folder = self.open(name)
        except OSError:
            return
        try:
            os.unlink(mark, dir_fd=folder)
        except OSError:
            pass
        finally:
            os.close(folder)
