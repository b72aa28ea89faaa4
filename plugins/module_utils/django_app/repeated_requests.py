# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests that the running app did not answer as wanted, made once more in the rehearsal, and how they are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

SERVER_ERROR = 500
GATEWAY_ERRORS = (502, 503, 504)
GATEWAY_TIMEOUT = 504


@dataclass(frozen=True)
class Page:
    """A request that the running app did not answer as wanted: the check, by what name, and with which Origin."""

    wanted: dict[str, Any]
    name: str
    origin: str
    # Whether its error is the running app's own, so that what it raises here is why.
    is_error: bool

    def request(self) -> dict[str, Any]:
        """It, as the script makes it."""
        url = urlsplit(self.wanted["url"])
        return {
            "path": f"{url.path or '/'}?{url.query}".rstrip("?"),
            "host": self.wanted.get("host") or url.netloc,
            "secure": url.scheme == "https",
            "headers": {"HTTP_ORIGIN": self.origin} if self.origin and self.wanted.get("cors", True) else {},
            "is_error": self.is_error,
        }

    def is_served_by(self, answer: dict[str, Any] | None) -> bool:
        """Whether the script's answer is as wanted; None where there was none."""
        if answer is None:
            return False
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return http_client.is_as_wanted(self.wanted, self.origin, {**answer, "headers": headers})


def late_pages(wrong: list[tuple[dict[str, Any], dict[str, Any]]], origin: str) -> list[Page]:
    """The first request that was too late: repeated only to see where it works, while the app is seen to work on it."""
    found = [(wanted, shown) for wanted, shown in wrong if is_late(shown) and not wanted.get("preflight")]
    return [Page(wanted, shown["name"], origin, False) for wanted, shown in found[:1]]


def is_late(shown: dict[str, Any]) -> bool:
    """Whether a check had no answer in time, from nginx or from the app."""
    return shown["status"] == GATEWAY_TIMEOUT or (not shown["status"] and "no answer" in shown["error"])


def pages(wrong: list[tuple[dict[str, Any], dict[str, Any]]], origin: str, listening: bool) -> list[Page]:
    """The requests that an app which starts now may answer better than the running one; of edge.wrong().

    Not preflights, which the shadow start is asked, and not what was too late, which would be too late here too.
    listening: whether the app listens, so that it is the app that ends its connection with nginx.
    """
    no_answers = (0, 503, 504) if listening else (0, *GATEWAY_ERRORS)
    return [
        Page(wanted, shown["name"], origin, shown["status"] == SERVER_ERROR)
        for wanted, shown in wrong
        if shown["status"] not in no_answers and not wanted.get("preflight")
    ]
