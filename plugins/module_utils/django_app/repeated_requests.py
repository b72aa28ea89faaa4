# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests that the running app did not answer as wanted, made once more in the rehearsal, and how they are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

SERVER_ERROR = 500
BAD_GATEWAY = 502
UNAVAILABLE = 503
GATEWAY_ERRORS = (BAD_GATEWAY, UNAVAILABLE, 504)
GATEWAY_TIMEOUT = 504


@dataclass(frozen=True)
class Page:
    """A request that the running app did not answer as wanted: the check, by what name, and with which Origin."""

    wanted: dict[str, Any]
    name: str
    origin: str
    # Whether its error is the running app's own, so that what it raises here is why.
    is_error: bool
    # What the edge answered; 0 where nobody did.
    status: int = 0
    # Whether only who makes its answer is asked, because it may be nginx's own.
    who_alone: bool = False

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


def judged(pages: list[Page], answers: list[dict[str, Any] | None]) -> dict[str, Any]:
    """{served, answered}: names of those answered as wanted; and of those answered as the edge did, by whom.

    answered: [{name, path, status, kind, by, file, line, in_app, type, message}] in script_answering.py's words.
    """
    asked = [(page, answer) for page, answer in zip(pages, answers) if answer]
    wrong = [(page, answer) for page, answer in asked if not page.is_served_by(answer)]
    return {
        "served": [page.name for page, answer in asked if not page.who_alone and (page, answer) not in wrong],
        "answered": [
            {
                "path": page.request()["path"],
                "status": page.status,
                **{("by" if fact == "name" else fact): value for fact, value in answer["by"].items()},
                "name": page.name,
            }
            for page, answer in wrong
            if answer.get("by") and answer["status"] == page.status
        ],
    }


def late_pages(wrong: list[tuple[dict[str, Any], dict[str, Any]]], origin: str) -> list[Page]:
    """The first request that was too late: repeated only to see where it works, while the app is seen to work on it."""
    found = [(wanted, shown) for wanted, shown in wrong if is_late(shown) and not wanted.get("preflight")]
    return [Page(wanted, shown["name"], origin, False) for wanted, shown in found[:1]]


def is_late(shown: dict[str, Any]) -> bool:
    """Whether a check had no answer in time, from nginx or from the app."""
    return shown["status"] == GATEWAY_TIMEOUT or (not shown["status"] and "no answer" in shown["error"])


def pages(wrong: list[tuple[dict[str, Any], dict[str, Any]]], origin: str, listening: str) -> list[Page]:
    """The requests that an app which starts now may answer better than the running one; of edge.wrong().

    Not preflights, which the shadow start is asked, and not what was too late, which would be too late here too.
    listening: the app server that listens, so that it is the app that ends its connection with nginx; empty where none.
    """
    # uWSGI hangs up where the app raises; the others answer.
    raised = (SERVER_ERROR, BAD_GATEWAY) if listening == "uwsgi" else (SERVER_ERROR,)
    no_answers = (0, UNAVAILABLE, GATEWAY_TIMEOUT) if listening else (0, *GATEWAY_ERRORS)
    return [
        Page(wanted, shown["name"], origin, shown["status"] in raised, shown["status"])
        for wanted, shown in wrong
        if shown["status"] not in no_answers and not wanted.get("preflight")
    ]


def unavailable_pages(wrong: list[tuple[dict[str, Any], dict[str, Any]]], origin: str) -> list[Page]:
    """The requests answered 503, which is nginx's answer or the app's: asked only for who in the app would give it."""
    return [
        Page(wanted, shown["name"], origin, False, UNAVAILABLE, who_alone=True)
        for wanted, shown in wrong
        if shown["status"] == UNAVAILABLE and not wanted.get("preflight")
    ]


def of_first_rehearsal(
    wrong: list[tuple[dict[str, Any], dict[str, Any]]], origin: str, listening: str, is_busy: bool
) -> list[Page]:
    """All that is made once more while the running app is looked at. is_busy: whether it is seen to work."""
    unavailable = unavailable_pages(wrong, origin) if listening else []
    return [*pages(wrong, origin, listening), *unavailable, *(late_pages(wrong, origin) if is_busy else [])]
