# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs as the app's unit would run: whether names can be resolved there, and which files of the resolver are refused.

Started by unit_resolver.py as systemd starts the app: its account, groups, sandbox and network. It imports the standard
library only, and writes one line of JSON.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

# What the C library reads to resolve a name (nsswitch.conf(5), hosts(5), resolv.conf(5), host.conf(5)).
FILES = ("/etc/nsswitch.conf", "/etc/hosts", "/etc/resolv.conf", "/etc/host.conf")


def resolved(name: str) -> str:
    """Why a name cannot be resolved; empty where it can."""
    try:
        socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ""


def look(path: str) -> dict[str, Any]:
    """{path, problem, component, device, inode} of one file: what refuses it, or is missing; problem is empty of none.

    Links are followed. component: the first on the way that bars it.
    """
    found: dict[str, Any] = {"path": path, "problem": "", "component": "", "device": 0, "inode": 0}
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        found["problem"] = error.strerror or str(error)
        parts = os.path.realpath(path).split("/")
        ways = ["/".join(parts[:number]) or "/" for number in range(1, len(parts) + 1)]
        barred = (way for way in ways if not os.access(way, os.R_OK if way == ways[-1] else os.X_OK))
        found["component"] = next(barred, ways[-1])
        try:
            status = os.stat(found["component"])
            found.update(device=status.st_dev, inode=status.st_ino)
        except OSError:
            pass
    return found


def main() -> None:
    """Ask for each name given as an argument."""
    answer = {"names": {name: resolved(name) for name in sys.argv[1:]}, "files": [look(path) for path in FILES]}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
