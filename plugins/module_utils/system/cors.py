# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a browser lets a page of another origin do: read an answer, and send what is more than a simple request.

Before the latter it asks, by a preflight. Source: fetch.spec.whatwg.org, "CORS check" and "CORS-preflight fetch".
"""

from __future__ import annotations

from typing import Any

# What needs no leave: a page may send it by itself.
SAFELISTED_METHODS = ("GET", "HEAD", "POST")
# A `*` stands for every header but this one.
NOT_BY_WILDCARD = "authorization"


def allows_origin(headers: dict[str, str], origin: str) -> bool:
    """Whether a browser would let a page of `origin` read an answer with these headers, by names in lower case."""
    return headers.get("access-control-allow-origin", "") in ("*", origin)


def shown(headers: dict[str, str], origin: str) -> dict[str, Any] | None:
    """{origin, allowed, well, credentials}: what an answer says to a page of that origin; None where none was sent."""
    if not origin:
        return None
    allowed = headers.get("access-control-allow-origin", "")
    found = {"origin": origin, "allowed": allowed, "well": allows_origin(headers, origin)}
    with_credentials = "true" in headers.get("access-control-allow-credentials", "")
    return {**found, "credentials": True} if with_credentials else found


def preflight_headers(method: str, names: list[str]) -> dict[str, str]:
    """What a browser sends besides Origin, before a request of this method with headers of these names."""
    asked = {"Access-Control-Request-Method": method}
    if names:
        asked["Access-Control-Request-Headers"] = ",".join(sorted(name.lower() for name in names))
    return asked


def preflight_problem(answer: dict[str, Any], method: str, names: list[str], said: dict[str, Any] | None) -> str:
    """Why a browser sends nothing after this answer {status, headers}; empty where it does.

    said: of shown().
    """
    headers = answer["headers"]
    if not 200 <= answer["status"] < 300:
        return f"preflight: status {answer['status']}"
    if not said or not said["well"]:
        return f"preflight: origin {said['origin'] if said else ''} is not allowed"
    methods = _listed(headers.get("access-control-allow-methods", ""))
    if method not in SAFELISTED_METHODS and not {method, "*"} & set(methods):
        return f"preflight: method {method} is not allowed, only {', '.join(methods) or 'none'}"
    taken = [name.lower() for name in _listed(headers.get("access-control-allow-headers", ""))]
    lacking = [
        name for name in names if name.lower() not in taken and ("*" not in taken or name.lower() == NOT_BY_WILDCARD)
    ]
    if lacking:
        return f"preflight: header {', '.join(lacking)} is not allowed, only {', '.join(taken) or 'none'}"
    return ""


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
