# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why no account could listen on an address: asked of the kernel, without listening there.

What only the app's account may not do is in addresses.py: a folder of somebody else's, another's socket.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Any

# Of sockaddr_un.sun_path, which has 108 with the zero at its end (unix(7)).
LONGEST_PATH = 107
# What gives a unit a network of its own, with other addresses (systemd.exec(5)).
OWN_NETWORK = ("PrivateNetwork", "NetworkNamespacePath")


def bar(bind: dict[str, Any], properties: dict[str, str]) -> dict[str, Any]:
    """{kind, path, said} of what keeps everybody from binding an address; {} where nothing does, or it is not known.

    kind: too-long, not-a-socket, not-a-folder, not-here or unresolved. path: what is in the way; of an address of TCP
    its host. properties: the unit's.
    """
    if bind["kind"] == "unix":
        return _of_path(bind["path"])
    own_network = any(properties.get(name, "") not in ("", "no") for name in OWN_NETWORK)
    return _of_host(bind["host"]) if bind["kind"] == "tcp" and not own_network else {}


def _of_path(path: str) -> dict[str, Any]:
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        return {"kind": "too-long", "path": path, "said": f"{length} bytes, of which {LONGEST_PATH} have room"}
    if not path.startswith("/"):
        return {}
    folder = os.path.dirname(path)
    try:
        # An app server removes a socket that is there, and nothing else (gunicorn/sock.py).
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return {"kind": "not-a-socket", "path": path, "said": os.strerror(errno.EADDRINUSE)}
    except NotADirectoryError as error:
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        return {"kind": "not-a-folder", "path": folder, "said": error.strerror}
    except OSError:
        pass
    return {}


def _of_host(host: str) -> dict[str, Any]:
    """Whether an address is one of this host's: any port of it will do, so that none of the app's is taken."""
    try:
        kind, _type, _protocol, _name, place = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as trial:
            trial.bind(place)
    except socket.gaierror as error:
        lasting = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
        return {"kind": "unresolved", "path": host, "said": str(error.strerror)} if lasting else {}
    except OSError as error:
        absent = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        return {"kind": "not-here", "path": host, "said": os.strerror(error.errno or 0)} if absent else {}
    return {}
