# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a program writes, heard on a socket that root alone can reach: nothing of it is left in a log or on a disk.

systemd connects a unit's output to it (systemd.exec(5), StandardOutput=file: with an AF_UNIX socket).
"""

from __future__ import annotations

import os
import socket
import threading

KEPT_BYTES = 2**16
_PART = 2**14


class HeardLines:
    """A socket at `path`, on which one program is heard until it ends. Raises OSError where it cannot be made."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._kept = bytearray()
        self._ended = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        former = os.umask(0o177)
        try:
            self._socket.bind(path)
        finally:
            os.umask(former)
        self._socket.listen(1)
        threading.Thread(target=self._listen, daemon=True).start()

    def lines(self, wait: float) -> list[str]:
        """The last lines, the newest last. wait: for how many seconds at most to wait for the program's end."""
        self._ended.wait(wait)
        return bytes(self._kept).decode("utf-8", "replace").splitlines()

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()
        os.unlink(self.path)

    def _listen(self) -> None:
        try:
            heard, _address = self._socket.accept()
            with heard:
                while part := heard.recv(_PART):
                    self._kept += part
                    del self._kept[:-KEPT_BYTES]
        except OSError:
            pass
        self._ended.set()
