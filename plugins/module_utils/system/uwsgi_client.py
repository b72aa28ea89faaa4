# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask for a page in uWSGI's own protocol, as nginx's uwsgi_pass does (uwsgi-docs, The uwsgi Protocol)."""

from __future__ import annotations

import http.client
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.system import sockets


def speak(
    opened: socket.socket, method: str, target: str, headers: dict[str, str], variables: dict[str, str]
) -> http.client.HTTPResponse:
    """Send a request, and take the answer, of which the header is read. Raises OSError and HTTPException.

    variables: sent besides those that follow from the others.
    """
    url, name = urlsplit(target), headers.get("Host", "")
    sent = {
        "REQUEST_METHOD": method, "REQUEST_URI": target, "PATH_INFO": url.path, "QUERY_STRING": url.query,
        "CONTENT_LENGTH": "", "CONTENT_TYPE": "", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": name,
        "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
        **{f"HTTP_{key.upper().replace('-', '_')}": value for key, value in headers.items()},
        **variables,
    }  # fmt: skip
    body = b"".join(_counted(key) + _counted(value) for key, value in sent.items())
    opened.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
    response = http.client.HTTPResponse(opened, method=method)
    response.begin()
    return response


def status(place: dict[str, Any], path: str, host: str, timeout: float) -> int:
    """The status of the answer at an address {kind, host, port, path}; 0 where none comes in that protocol.

    timeout is in seconds, for each wait. Never raises.
    """
    given = place.get("host", "")
    reached = {**place, "host": {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(given, given)}
    try:
        with sockets.connected(reached, timeout) as opened:
            return speak(opened, "GET", path, {"Host": host, "User-Agent": "rescue502"}, {}).status
    except (OSError, http.client.HTTPException):
        return 0


def _counted(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<H", len(data)) + data
