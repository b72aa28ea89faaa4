# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask for a page in uWSGI's own protocol, as nginx's uwsgi_pass does (uwsgi-docs, The uwsgi Protocol)."""

from __future__ import annotations

import re
import struct
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

_STATUS = re.compile(rb"^(?:HTTP/1\.[01]|Status:) (\d{3})\b")
_ANSWER_LIMIT = 4096


def status(place: dict[str, Any], path: str, host: str, timeout: float) -> int:
    """The status of the answer at an address {kind, host, port, path}; 0 where none comes in that protocol.

    timeout is in seconds, for each wait. Never raises.
    """
    variables = {
        "REQUEST_METHOD": "GET", "REQUEST_URI": path, "PATH_INFO": path, "QUERY_STRING": "", "CONTENT_LENGTH": "",
        "CONTENT_TYPE": "", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": host, "SERVER_PORT": "80",
        "HTTP_HOST": host, "HTTP_USER_AGENT": "rescue502", "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    body = b"".join(_counted(name) + _counted(value) for name, value in variables.items())
    try:
        given = place.get("host", "")
        reached = {**place, "host": {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(given, given)}
        with sockets.connected(reached, timeout) as opened:
            opened.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
            answer = opened.recv(_ANSWER_LIMIT)
    except OSError:
        return 0
    match = _STATUS.match(answer)
    return int(match.group(1)) if match else 0


def _counted(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<H", len(data)) + data
