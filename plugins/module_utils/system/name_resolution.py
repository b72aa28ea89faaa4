# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Host names: whether they can be resolved, asked with a time limit, for a resolver may keep one waiting for long."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any

SECONDS = 3.0
_answers: dict[str, dict[str, Any]] = {}
_lock = threading.Lock()


def is_name(host: str) -> bool:
    """Whether a host is a name that has to be looked up, and no address, socket folder or this machine itself."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return False
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return True
    return False


def look_up(host: str, seconds: float = SECONDS) -> dict[str, Any]:
    """{name, ok, addresses, error, timed_out}. Each name is asked for once: one look is one moment."""
    with _lock:
        if host not in _answers:
            _answers[host] = _ask(host, seconds)
        return _answers[host]


def _ask(host: str, seconds: float) -> dict[str, Any]:
    answer: dict[str, Any] = {"name": host, "ok": False, "addresses": [], "error": "", "timed_out": False}

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answer.update(ok=True, addresses=sorted({str(item[4][0]) for item in found}))
        except (OSError, UnicodeError) as error:
            answer["error"] = getattr(error, "strerror", None) or str(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return dict(answer, ok=False, addresses=[], error=f"no answer within {seconds:g} s", timed_out=True)
    return answer


def is_of_this_host(address: str) -> bool:
    """Whether an address can be bound here, which is to say that this host has it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
