# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel lets an account do with files, asked as that account. kernel_access.py starts it as root.

It takes an account's ids, capabilities and namespaces upon itself, reads blocks of questions and writes a letter for
each. It imports the standard library only, and all of it before it enters another view of the file system.
Sources: capabilities(7), user_namespaces(7), access(2), path_resolution(7).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import sys
from typing import Any

# What is answered: it may; it may not, by owner, mode or access control list; it may not, and no owner or mode helps.
MAY, DENIED, FIXED = b"y", b"n", b"f"
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: those that pass over owners and modes.
PASSES_OVER_MODES = 0b110
_KEEPCAPS, _NEWNS, _NEWUSER = 8, 0x00020000, 0x10000000
_CAPABILITY_VERSION_3 = 0x20080522
_AT_EACCESS, _AT_EMPTY_PATH = 0x200, 0x1000


class Kernel:
    """The kernel, asked with the credentials of one account."""

    def __init__(self, account: dict[str, Any]) -> None:
        """account: {uid, gid, groups, capabilities, namespaces}, as kernel_access.py gives it. Raises OSError."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        namespaces = {kind: os.open(path, os.O_RDONLY) for kind, path in account["namespaces"].items()}
        if "mnt" in namespaces:
            self._call(self._libc.setns, namespaces["mnt"], _NEWNS)
        # Kept for now: to enter the user namespace, and to look at a file behind a folder that bars the way.
        self._call(self._libc.prctl, _KEEPCAPS, 1, 0, 0, 0)
        os.setgroups(account["groups"])
        os.setresgid(account["gid"], account["gid"], account["gid"])
        os.setresuid(account["uid"], account["uid"], account["uid"])
        if "user" in namespaces:
            kept = self._permitted()
            self._set_capabilities(kept, kept)
            self._call(self._libc.setns, namespaces["user"], _NEWUSER)
        kept = self._permitted()
        self._own, self._looks = account["capabilities"] & kept, PASSES_OVER_MODES & kept
        self._set_capabilities(self._own, self._own | self._looks)

    def answer(self, path: bytes, inode: int, need: int) -> bytes:
        """Whether the account may do all of `need` (access(2)) with the file of this inode, however one gets there."""
        if os.access(path, need, effective_ids=True):
            return MAY
        self._set_capabilities(self._looks, self._own | self._looks)
        try:
            file = os.open(path, os.O_PATH)
        except OSError:
            # In the account's own view of the file system there is no such file: nothing that can be repaired.
            return MAY
        finally:
            self._set_capabilities(self._own, self._own | self._looks)
        try:
            return self._answer_open(file, path, need) if os.fstat(file).st_ino == inode else MAY
        finally:
            os.close(file)

    def _answer_open(self, file: int, path: bytes, need: int) -> bytes:
        if self._libc.faccessat(file, b"", need, _AT_EACCESS | _AT_EMPTY_PATH) == 0:
            return MAY
        why = ctypes.get_errno()
        if why == errno.EINVAL:
            # Before Linux 5.8, or with an old C library, only a path can be asked about.
            return DENIED if os.access(os.path.dirname(path), os.X_OK, effective_ids=True) else MAY
        return DENIED if why == errno.EACCES else FIXED

    def _permitted(self) -> int:
        """This process's permitted capabilities, a bit each."""
        sets = (ctypes.c_uint32 * 6)()
        self._call(self._libc.capget, self._header(), sets)
        return int(sets[1]) | int(sets[4]) << 32

    def _set_capabilities(self, effective: int, permitted: int) -> None:
        low, high = (effective, permitted, 0), (effective >> 32, permitted >> 32, 0)
        sets = (ctypes.c_uint32 * 6)(*(word & 0xFFFFFFFF for word in (*low, *high)))
        self._call(self._libc.capset, self._header(), sets)

    @staticmethod
    def _header() -> Any:
        return (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)

    @staticmethod
    def _call(function: Any, *arguments: Any) -> None:
        if function(*arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    """Answer until nobody asks any more. A block is its length, then `need inode path`, a null byte after each."""
    kernel = Kernel(json.loads(sys.argv[1]))
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := questions.read(4):
        block = questions.read(struct.unpack("=I", header)[0])
        for question in block.split(b"\0")[:-1]:
            need, inode, path = question.split(b" ", 2)
            answers.write(kernel.answer(path, int(inode), int(need)))
        answers.flush()


if __name__ == "__main__":
    main()
