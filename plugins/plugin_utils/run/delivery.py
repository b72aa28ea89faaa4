# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring an incident to web servers and chats: within a time limit, and never with a secret in what is said of it.

An address may hold a token in any part, so nothing of it is shown but the host of a web server, or the kind of a chat.
"""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

# For all together: an outage is counted in seconds, and who does not answer by then is passed over.
LIMIT_SECONDS = 10.0
METHODS = ("POST", "PUT")
WEB = ("http", "https")


class AddressError(Exception):
    """An address cannot be used; the text says why, and shows nothing of it."""


@dataclass(frozen=True)
class Recipient:
    """Where something is sent. url may have {host} and {incident} in it; headers may hold secrets too."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_web(self) -> bool:
        """Whether it is a web server; else one of apprise's services."""
        return urlsplit(self.url).scheme in WEB

    def name(self) -> str:
        """What may be shown of it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" if self.is_web else parts.scheme


def parse(given: Any, web_only: bool = False) -> list[Recipient]:
    """Recipients as a user writes them: an address, {url, method, headers}, or a list. Raises AddressError."""
    items = given if isinstance(given, list) else [given] if given else []
    return [_parse_one(item, web_only) for item in items]


def _parse_one(item: Any, web_only: bool) -> Recipient:
    given = {"url": item} if isinstance(item, str) else item
    if (
        not isinstance(given, dict)
        or set(given) - {"url", "method", "headers"}
        or not isinstance(given.get("url"), str)
    ):
        raise AddressError("write an address, or {url: address, method: PUT, headers: {name: value}}")
    method, headers = str(given.get("method", "POST")).upper(), given.get("headers") or {}
    if method not in METHODS or not isinstance(headers, dict):
        raise AddressError(f"method is not one of: {', '.join(METHODS)}; or headers are no mapping")
    try:
        parts = urlsplit(given["url"])
        known = bool(parts.scheme and parts.port != 0 and (parts.hostname or not web_only))
    except ValueError:
        known = False
    if not known or (web_only and parts.scheme not in WEB):
        raise AddressError("an address is not valid")
    return Recipient(given["url"], method, {str(name): str(value) for name, value in headers.items()})


def deliver(jobs: Sequence[Callable[[], str]], limit: float = LIMIT_SECONDS) -> list[str]:
    """Do all of it side by side, within `limit` seconds: why each did not arrive; empty where it did. Never raises.

    A job returns the same. One that is not at its end by then is left to end with the process.
    """
    failed = ["no answer in time"] * len(jobs)

    def work(number: int, job: Callable[[], str]) -> None:
        try:
            failed[number] = job()
        except Exception as error:
            # Not its words: those of a library may hold the address.
            failed[number] = type(error).__name__

    threads = [threading.Thread(target=work, args=(place, job), daemon=True) for place, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    waiting = threading.Event()
    threading.Thread(target=_join, args=(threads, waiting), daemon=True).start()
    waiting.wait(limit)
    return list(failed)


def _join(threads: list[threading.Thread], done: threading.Event) -> None:
    for thread in threads:
        thread.join()
    done.set()


def send(to: Recipient, content: dict[str, Any], host: str, incident: str) -> str:
    """Send JSON to a web server: why it was not taken; empty where it was."""
    url = to.url.replace("{host}", quote(host, safe="")).replace("{incident}", quote(incident, safe=""))
    data = json.dumps(content, ensure_ascii=False, default=str).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "rescue502", **to.headers}
    request = urllib.request.Request(url, data, headers, method=to.method)
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=LIMIT_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code}"
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What was meant for one server, tokens and all, is sent to no other."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Follow none: it is the answer."""


def by_apprise(to: Recipient, title: str, body: str) -> str:
    """Notify one of apprise's services: why it was not; empty where it was."""
    try:
        import apprise
    except ImportError:
        return "needs apprise on this controller: pip install apprise"
    service = apprise.Apprise()
    if not service.add(to.url):
        return "apprise does not know this address"
    return "" if service.notify(title=title, body=body) else "apprise could not deliver it"
