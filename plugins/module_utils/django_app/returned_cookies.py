# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a browser sends back the cookies that Django sets (script_cookies.py), at the addresses that visitors use.

Python's own cookie jar is asked; of what it does not know, browsers' rules of RFC 6265bis stand here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import Message
from http.cookiejar import CookieJar
from itertools import combinations
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import Request

from ansible_collections.rescue502.django.plugins.module_utils.django_app import form_origins
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

MOST = 8
ATTRIBUTES = ("Domain", "Path", "Secure")
_PREFIX = "Prefix"
_SAME_SITE = "SameSite"


def visitors(stack: Stack, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """[{origin, host, secure, paths, alone}], one for each name by which the site is known to others than this host.

    The user's checks say which, else nginx. paths: of the checks. alone: whether nobody is seen who would end TLS for a
    site without it. asked: the edge's answers.
    """
    if stack.nginx_root is None or stack.nginx_unread:
        return []
    checks = asked.get("checks", []) if asked.get("configured") else []
    found = [
        (check.get("host") or nginx_servers.netloc(check["url"]), urlsplit(check["url"]).scheme) for check in checks
    ]
    found = [(name, scheme) for name, scheme in found if form_origins.is_public(name)]
    behind = form_origins.is_behind_another(stack.nginx_root)
    if not found and behind:
        return []  # by which name they come is known there
    names = [(name, bool(item["tls"])) for item in stack.locations for name in item["server_names"]]
    found = found or [(name, "https" if tls else "http") for name, tls in names if form_origins.is_public(name)]
    secure = {name.lower() for name, scheme in found if scheme == "https"} | {name for name, tls in names if tls}
    alone = not secure and not behind
    paths = [urlsplit(check["url"]).path or "/" for check in checks]
    hosts = list(dict.fromkeys(name.lower() for name, _scheme in found))[:MOST]
    return [
        {
            "origin": f"{'https' if host in secure else 'http'}://{host}",
            "host": host,
            "secure": host in secure,
            "paths": paths,
            "alone": alone and not any(item["tls"] for item in stack.locations),
        }
        for host in hosts
    ]


def judged(step: dict[str, Any], asked: list[dict[str, Any]]) -> dict[str, Any]:
    """The script's step with {lost: [{name, origin, set, attribute}]}, in the place of what it was told by.

    lost: cookies that no visitor's browser sends back, at any page. asked: visitors().
    """
    items = step.pop("set", None)
    pages, by_proxy = step.pop("pages", []), step.pop("by_proxy", False)
    if items is None:
        return step
    pages = [*pages, *(path for visitor in asked for path in visitor["paths"]), "/"]
    # Where somebody in front of this host may end TLS, the visitor is taken to come by it.
    origins = [
        visitor["origin"] if visitor["alone"] and not by_proxy else f"https://{visitor['host']}" for visitor in asked
    ]
    lost = [{**item, "attribute": _at_fault(origins[item["index"]], item, pages)} for item in items]
    names = {
        item["name"] for item in lost if all(other["attribute"] for other in lost if other["name"] == item["name"])
    }
    found: list[dict[str, str]] = []
    for item in lost:
        if item["name"] in names and all(item["name"] != other["name"] for other in found):
            found.append(
                {
                    "name": item["name"],
                    "origin": origins[item["index"]],
                    "set": item["header"].replace("=x;", "=…;", 1),
                    "attribute": item["attribute"],
                }
            )
    return {**step, "lost": found}


def _at_fault(origin: str, item: dict[str, Any], pages: list[str]) -> str:
    """The attribute, or the fewest together, for which a browser does not send a cookie back; empty where it does."""
    header = item["header"]
    has = {part.strip().partition("=")[0].lower(): part.strip().partition("=")[2] for part in header.split(";")[1:]}
    if item["name"].startswith("__Secure-") and "secure" not in has:
        return _PREFIX
    if item["name"].startswith("__Host-") and ("secure" not in has or "domain" in has or has.get("path") != "/"):
        return _PREFIX
    if has.get("samesite", "").lower() == "none" and "secure" not in has:
        return _SAME_SITE
    if is_returned(origin, header, pages):
        return ""
    some = (names for count in (1, 2, 3) for names in combinations(ATTRIBUTES, count))
    return next((" and ".join(names) for names in some if is_returned(origin, _without(header, names), pages)), "")


def _without(header: str, attributes: Iterable[str]) -> str:
    return re.sub(rf";\s*({'|'.join(attributes)})(=[^;]*)?(?=;|$)", "", header, flags=re.IGNORECASE)


class _Answer:
    """As much of an answer as a cookie jar looks at."""

    def __init__(self, header: str) -> None:
        self._headers = Message()
        self._headers["Set-Cookie"] = header

    def info(self) -> Message:
        """Its headers."""
        return self._headers


def is_returned(origin: str, header: str, pages: Iterable[str]) -> bool:
    """Whether a cookie that a site sets comes back with a request for any of these pages of it."""
    jar = CookieJar()
    jar.extract_cookies(cast(Any, _Answer(header)), Request(f"{origin}/"))
    for page in pages:
        request = Request(origin + page)
        jar.add_cookie_header(request)
        if request.has_header("Cookie"):
            return True
    return False
