# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The request by which a browser asks whether a page of another origin may send what is more than a simple one.

Source: fetch.spec.whatwg.org, "CORS-preflight fetch".
"""

from __future__ import annotations

from typing import Any

# What needs no leave: a page may send it by itself.
SAFELISTED_METHODS = ("GET", "HEAD", "POST")
# A `*` stands for every header but this one.
NOT_BY_WILDCARD = "authorization"


def headers(method: str, names: list[str]) -> dict[str, str]:
    """What a browser sends besides Origin, before a request of this method with headers of these names."""
    asked = {"Access-Control-Request-Method": method}
    if names:
        asked["Access-Control-Request-Headers"] = ",".join(sorted(name.lower() for name in names))
    return asked


def problem(answer: dict[str, Any], method: str, names: list[str], origin: str, allowed: bool) -> str:
    """Why a browser sends nothing after this answer {status, headers}; empty where it does.

    allowed: whether the answer names the origin.
    """
    said = answer["headers"]
    if not 200 <= answer["status"] < 300:
        return f"preflight: status {answer['status']}"
    if not allowed:
        return f"preflight: origin {origin} is not allowed"
    methods = _listed(said.get("access-control-allow-methods", ""))
    if method not in SAFELISTED_METHODS and not {method, "*"} & set(methods):
        return f"preflight: method {method} is not allowed, only {', '.join(methods) or 'none'}"
    taken = [name.lower() for name in _listed(said.get("access-control-allow-headers", ""))]
    lacking = [
        name for name in names if name.lower() not in taken and ("*" not in taken or name.lower() == NOT_BY_WILDCARD)
    ]
    if lacking:
        return f"preflight: header {', '.join(lacking)} is not allowed, only {', '.join(taken) or 'none'}"
    return ""


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
