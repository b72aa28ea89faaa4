# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask one URL and judge the answer: status, JSON, CORS. Over TCP, TLS or a unix socket; redirects are not followed."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.system import cors, uwsgi_client

BODY_LIMIT = 65536
EXCERPT_LIMIT = 300
AGENT = "rescue502"
REDIRECTS = (301, 302, 303, 307, 308)


class _Connection(http.client.HTTPConnection):
    """An HTTP connection over a socket that was opened beforehand."""

    def __init__(self, opened: socket.socket, host: str) -> None:
        super().__init__(host)
        self.sock = opened


def port(parts: SplitResult) -> int:
    """The port of a web address: the one that it names, else the usual one of its scheme."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def _open(parts: Any, unix_path: str, host: str, verify: bool, timeout: float) -> socket.socket:
    if unix_path:
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(timeout)
        plain.connect(unix_path)
        return plain if parts.scheme != "https" else _wrapped(plain, verify, host)
    plain = socket.create_connection((parts.hostname or "127.0.0.1", port(parts)), timeout=timeout)
    if parts.scheme != "https":
        return plain
    return _wrapped(plain, verify, host)


def _wrapped(plain: socket.socket, verify: bool, host: str) -> socket.socket:
    # An IPv6 address stands in brackets in a Host, and in a certificate without.
    return _tls_context(verify).wrap_socket(plain, server_hostname=re.sub(r":\d+$", "", host).strip("[]"))


def _tls_context(verify: bool) -> ssl.SSLContext:
    """With verify the system's authorities, which take 30 ms to load; without, none are needed."""
    if verify:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate(url: str, host: str, timeout: float) -> bytes:
    """The certificate that a server shows for a host's name at an https URL, in DER; empty where it shows none.

    timeout: in seconds.
    """
    parts = urlsplit(url)
    name = host or parts.netloc.rpartition("@")[2]
    try:
        with _open(parts, "", name, False, timeout) as opened:
            return (opened.getpeercert(binary_form=True) or b"") if isinstance(opened, ssl.SSLSocket) else b""
    except (OSError, ValueError):
        return b""


def ask(
    url: str,
    host: str = "",
    verify_tls: bool = True,
    origin: str = "",
    timeout: float = 5.0,
    unix_path: str = "",
    more_headers: dict[str, str] | None = None,
    method: str = "GET",
    uwsgi: dict[str, str] | None = None,
) -> dict[str, Any]:
    """GET a URL once, or ask it by another method that changes nothing.

    timeout: in seconds, for each wait on the network, and for all of the body.
    host: what to send as Host (and as TLS server name) instead of the URL's own. origin: sent as Origin.
    more_headers: headers besides; an Origin among them is sent in the place of origin, and none where it is empty.
    uwsgi: variables sent besides, where uWSGI's own protocol is spoken.
    Returns {status, headers, body, seconds, error}; status 0 and an error where nobody answered. An answer that has
    begun is one, though its body may be a stream that has no end: then the body is what came in time. Never raises.
    """
    parts = urlsplit(url)
    name = host or parts.netloc.rpartition("@")[2]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": name, "User-Agent": AGENT, "Accept": "*/*", "Connection": "close", "Origin": origin}
    headers = {key: value for key, value in {**headers, **(more_headers or {})}.items() if value}
    begun = time.monotonic()
    answer: dict[str, Any] = {"status": 0, "headers": {}, "header_bytes": 0, "body": "", "error": ""}
    try:
        opened = _open(parts, unix_path, name, verify_tls, timeout)
        try:
            sent = (opened, method, target, headers)
            response = _speak(*sent) if uwsgi is None else uwsgi_client.speak(*sent, uwsgi)
            answer["status"] = response.status
            answer["headers"] = _combined(response.getheaders())
            answer["header_bytes"] = sum(len(key) + len(value) + 4 for key, value in response.getheaders())
            answer["body"] = _body(response, timeout).decode("utf-8", "replace")
        finally:
            opened.close()
    except socket.timeout:
        answer["error"] = f"no answer within {timeout:g} s"
    except ssl.SSLCertVerificationError as error:
        answer["error"] = f"certificate: {error.verify_message}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        answer["error"] = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    answer["seconds"] = round(time.monotonic() - begun, 3)
    return answer


def _speak(opened: socket.socket, method: str, target: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = _Connection(opened, headers["Host"])
    connection.request(method, target, headers=headers)
    return connection.getresponse()


def _combined(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Headers by their names in lower case; values of one that stands twice with a comma, as a browser takes them."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
    return found


def _body(response: http.client.HTTPResponse, seconds: float) -> bytes:
    """The body, or what came of it within `seconds`, and not more than BODY_LIMIT bytes. Raises OSError."""
    parts, size, end = [], 0, time.monotonic() + seconds
    while size < BODY_LIMIT and time.monotonic() < end:
        try:
            part = response.read1(BODY_LIMIT - size)
        except socket.timeout:
            break
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def missing_keys(body: str, expected: dict[str, Any] | list[str]) -> list[str]:
    """Keys of the JSON answer that are absent, or differ from the expected value where a dict gives values."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ["the answer is not JSON"]
    if not isinstance(answer, dict):
        return ["the answer is not a JSON object"]
    if isinstance(expected, dict):
        return [key for key, value in expected.items() if key not in answer or answer[key] != value]
    return [key for key in expected if key not in answer]


def loops(url: str, host: str, answer: dict[str, Any]) -> bool:
    """Whether an answer redirects to the very address that it was asked at: a browser goes round until it gives up.

    One that sets a cookie may answer otherwise the next time.
    """
    if answer["status"] not in REDIRECTS or "set-cookie" in answer["headers"]:
        return False
    asked = urlsplit(url)
    asked = asked._replace(netloc=host or asked.netloc, path=asked.path or "/", fragment="")
    target = urlsplit(urljoin(asked.geturl(), answer["headers"].get("location", "")))
    return bool(target._replace(path=target.path or "/", fragment="") == asked)


def check(wanted: dict[str, Any], origin: str, timeout: float) -> dict[str, Any]:
    """Ask one edge check and say whether the answer is what was wanted, and if not, why.

    wanted: {url, host, status, json, verify_tls, cors, preflight, preflight_headers, unix_path, headers, uwsgi};
    status None takes any answer below 500, headers are sent besides the usual ones, uwsgi as ask() has it.
    preflight: the method about which a browser asks, so that this is asked in its way. timeout: in seconds.
    """
    origin = origin if wanted.get("cors", True) else ""
    before = wanted.get("preflight") or ""
    asked = cors.preflight_headers(before, wanted.get("preflight_headers") or []) if before else {}
    answer = ask(
        wanted["url"],
        wanted.get("host") or "",
        wanted.get("verify_tls", True),
        origin,
        timeout,
        wanted.get("unix_path", ""),
        {**(wanted.get("headers") or {}), **asked},
        "OPTIONS" if before else "GET",
        wanted.get("uwsgi"),
    )
    shown = cors.shown(answer["headers"], origin)
    # Whether a preflight is redirected to itself or elsewhere is all the same: a browser does not follow it.
    looping = not before and loops(wanted["url"], wanted.get("host") or "", answer)
    problem = _problem(wanted, answer, shown, looping)
    return {
        "name": wanted.get("name") or (f"{before} preflight of {wanted['url']}" if before else wanted["url"]),
        "url": wanted["url"],
        "host": wanted.get("host") or "",
        "expected": wanted.get("status"),
        "status": answer["status"],
        "server": answer["headers"].get("server", ""),
        "error": answer["error"],
        "seconds": answer["seconds"],
        "header_bytes": answer["header_bytes"],
        "loops": looping,
        "excerpt": re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer["body"]))[:EXCERPT_LIMIT].strip(),
        "cors": shown,
        "problem": problem,
        "well": not problem,
    }


def is_as_wanted(wanted: dict[str, Any], origin: str, answer: dict[str, Any]) -> bool:
    """Whether an answer {status, headers, body} that was got in another way is what check() would call well.

    Names of headers are in lower case.
    """
    shown = cors.shown(answer["headers"], origin if wanted.get("cors", True) else "")
    return not _problem(wanted, answer, shown, loops(wanted["url"], wanted.get("host") or "", answer))


def _problem(wanted: dict[str, Any], answer: dict[str, Any], shown: dict[str, Any] | None, looping: bool) -> str:
    """Why this answer is not good enough; empty where it is."""
    status, expected = answer["status"], wanted.get("status")
    if not status:
        return str(answer["error"])
    if looping:
        return f"status {status}, which leads back to the same address"
    if wanted.get("preflight") and status < 500:
        return cors.preflight_problem(answer, wanted["preflight"], wanted.get("preflight_headers") or [], shown)
    if (expected is None and status >= 500) or (expected is not None and status != int(expected)):
        return f"status {status}" + (f" instead of {expected}" if expected is not None else "")
    missing = missing_keys(answer["body"], wanted["json"]) if wanted.get("json") else []
    if missing:
        return "JSON answer lacks " + ", ".join(missing)
    if shown and not shown["well"]:
        return f"origin {shown['origin']} is not allowed"
    return ""
