# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The edge asked from the controller: what lies before the host, such as a firewall, is not seen on the host itself."""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

# A run waits for the slowest of host and controller: from outside, a page that takes longer is as good as none.
TIMEOUT = 3.0


def ask(configured: Any, origin: str) -> dict[str, Any]:
    """Ask those of the user's checks whose address means the same here as on the host: {checks, unasked}.

    configured: `rescue502_edge`. unasked: {url, why} of the others. Never raises for what a check holds.
    """
    given = [item for item in configured if isinstance(item, dict)] if isinstance(configured, list) else []
    wanted = edge.as_configured([item for item in given if isinstance(item.get("url"), str)])[: edge.MAX_CHECKS]
    with ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
        why = list(pool.map(lambda item: objection(item["url"]), wanted))
        asked = [item for item, reason in zip(wanted, why, strict=True) if not reason]
        answers = list(pool.map(lambda item: http_client.check(item, origin, TIMEOUT), asked))
    left = [{"url": item["url"], "why": reason} for item, reason in zip(wanted, why, strict=True) if reason]
    return {"checks": answers, "unasked": left}


def objection(url: str) -> str:
    """Why an address is not asked from here; empty where it is."""
    try:
        parts = urlsplit(url)
        host, scheme, _port = parts.hostname or "", parts.scheme, parts.port
    except ValueError:
        return "it is not a valid address"
    if scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return "this controller reaches others by way of a proxy"
    try:
        found = {item[4][0] for item in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)}
        if any(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in found):
            return "it is the host's own loopback address"
    except (OSError, ValueError):
        return "its name is not known here"
    return ""
