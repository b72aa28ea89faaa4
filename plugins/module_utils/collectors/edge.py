# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The edge: what the public address answers through nginx, the browser's CORS rule included."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import certificate, web_servers
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client, sockets, unread

TAIL_BYTES = 65536
DEFAULT_LOG = "/var/log/nginx/access.log"
_ACCESS = re.compile(r'\[([^\]]+)\] "(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) ([^ ?"]+)[^"]*" (\d{3}) ')
# A server's name that can be asked as it stands: no wildcard, no expression; an IPv6 address in its brackets.
_PLAIN_NAME = re.compile(r"^(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])$")
MAX_CHECKS = 12
WEB_PORTS = web_servers.PORTS


def checks_for(stack: Stack, configured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The configured edge checks, else one for each of the app's own locations in nginx.

    On a host without nginx, the process that listens on the ports for browsers is asked for its first page.
    """
    if configured:
        return as_configured(configured)
    if not stack.nginx_config:
        return [
            {"url": _base_url(str(port), port == 443) + "/", "host": "localhost", "status": None, "verify_tls": False}
            for port in front_ports()
        ]
    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    for location in stack.locations:
        names = [name for name in location["server_names"] if _PLAIN_NAME.match(name) and name != "_"]
        host = names[0] if names else "localhost"
        path = location["path"] if re.match(r"^/[\w./-]*$", location["path"]) else "/"
        paths = {path} | ({urlsplit(stack.health_url).path} if stack.health_url else set())
        for listen in location["listen"]:
            base = _base_url(listen, listen in location["tls"])
            for item in sorted(paths) if base else []:
                url = base + item
                wanted[(url, host)] = {"url": url, "host": host, "status": None, "verify_tls": False}
    return list(wanted.values())[:MAX_CHECKS]


def front_ports() -> list[int]:
    """The ports for browsers on which anybody listens; where nobody does, 80 if a web server is to start here."""
    held = sorted({item["port"] for item in sockets.listeners() if item["kind"] == "tcp"} & WEB_PORTS)
    return held or ([80] if web_servers.enabled() else [])


def as_configured(configured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The user's checks with what holds where they do not say it; a preflight's status is the browser's to judge."""
    return [
        {"status": 200, "verify_tls": True, **item, **({"status": None} if item.get("preflight") else {})}
        for item in configured
    ]


def _base_url(listen: str, tls: bool) -> str:
    """Where to reach a listen address from the host itself; empty for what HTTP over TCP cannot reach."""
    match = re.match(r"^(?:(\[[^\]]*\]|[\w.*-]*[.*a-z-][\w.*-]*):)?(\d+)$", listen)
    if not match:
        match = re.match(r"^(\[[^\]]*\]|[\w.*-]+)()$", listen)
    if not match or listen.startswith("unix:"):
        return ""
    host, port = match.group(1) or "127.0.0.1", match.group(2) or "80"
    host = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    return f"{'https' if tls else 'http'}://{host}:{port}"


def collect(stack: Stack, configured: list[dict[str, Any]], origin: str, timeout: float) -> dict[str, Any]:
    """Ask all edge checks in parallel. timeout is in seconds, for each."""
    wanted = checks_for(stack, configured)
    places = _tls_places(wanted)
    begun = time.time()
    # All at the same time: what keeps one waiting must not use up the time of the others.
    with ThreadPoolExecutor(max_workers=max(1, len(wanted) + len(places))) as pool:
        asking = pool.map(lambda item: http_client.check(item, origin, timeout), wanted)
        showing = pool.map(lambda place: http_client.certificate(place[0], place[1], timeout), places)
        answers, shown = list(asking), dict(zip((host for _url, host in places), showing))
    return {
        "configured": bool(configured),
        "asked_at": round(begun, 3),
        "checks": answers,
        "well": bool(answers) and all(answer["well"] for answer in answers),
        "statuses": sorted({answer["status"] for answer in answers}),
        "origin": origin,
        "certificates": [certificate_facts(path) for path in certificate_paths(stack)],
        "shown": _shown(stack, shown),
        "cors_blocked": [a["name"] for a in answers if a["cors"] and not a["cors"]["well"]],
    }


def _tls_places(wanted: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(address, name) of each server that is asked over TLS, once."""
    asked = [(urlsplit(item["url"]), item.get("host") or "") for item in wanted]
    found = [(f"https://{url.netloc}", host or url.hostname or "") for url, host in asked if url.scheme == "https"]
    return list(dict.fromkeys(found))


def _shown(stack: Stack, shown: dict[str, bytes]) -> list[dict[str, Any]]:
    """Of each name's certificate as the edge shows it: the days left, and whether the files hold that very one.

    One that another server shows, in front of nginx, is in no file of it.
    """
    files = set()
    for path in certificate_paths(stack):
        try:
            files.add(certificate.first_der(safe_files.text(path)))
        except OSError:
            continue
    found = []
    for name, der in shown.items():
        try:
            left = certificate.days_until(certificate.parse_der(der).not_after)
        except ValueError:
            continue
        found.append({"name": name, "days_left": left, "on_disk": der in files})
    return found


def wrong(
    stack: Stack, configured: list[dict[str, Any]], asked: dict[str, Any]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The checks that were not answered as wanted, each as it was asked and as it was answered."""
    answers = asked.get("checks", [])
    return [pair for pair in zip(checks_for(stack, configured), answers) if not pair[1]["well"]]


def recent_errors(stack: Stack, since: float) -> dict[str, Any]:
    """Answers of 500 and more that nginx logged for this app since a time (seconds since the epoch)."""
    paths: list[str] = []
    logs = {item["access_log"] or DEFAULT_LOG for item in stack.locations} or {DEFAULT_LOG}
    bars = [unread.sealed(log) for log in sorted(logs)]
    for log in sorted(logs):
        for line in tail(log).splitlines():
            match = _ACCESS.search(line)
            if match and int(match.group(3)) >= 500 and _epoch(match.group(1)) >= since:
                paths.append(f"{match.group(3)} {match.group(2)[:120]}")
    return {"count": unread.reported(len(paths), "nginx's access log", *bars), "paths": sorted(set(paths))[:10]}


def _epoch(text: str) -> float:
    try:
        return time.mktime(time.strptime(text[:20], "%d/%b/%Y:%H:%M:%S"))
    except ValueError:
        return 0.0


def tail(path: str, size: int = TAIL_BYTES) -> str:
    """The last `size` bytes of a log; empty where it cannot be read."""
    try:
        return safe_files.tail(path, size)
    except OSError:
        return ""


def certificate_paths(stack: Stack) -> list[str]:
    """The certificates of this app's servers; nginx takes a relative path from the folder of its configuration."""
    paths = {item["certificate"] for item in stack.locations} - {""}
    return sorted(os.path.join(os.path.dirname(stack.nginx_config), path) for path in paths if "$" not in path)


def certificate_facts(path: str) -> dict[str, Any] | unread.Unread:
    """A certificate's beginning and end, in days from now by this host's clock, and the names it is for.

    None and no names where there is no such file; unknown where it cannot be read, or holds no valid certificate.
    """
    facts: dict[str, Any] = {"path": path, "days_left": None, "days_until_valid": None, "names": []}
    try:
        found = certificate.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return facts
    except (OSError, ValueError) as error:
        why = unread.reason(error) if isinstance(error, OSError) else str(error)
        return unread.Unread(f"the certificate {path}", why)
    facts["names"] = found.names
    facts["days_left"] = certificate.days_until(found.not_after)
    facts["days_until_valid"] = certificate.days_until(found.not_before)
    facts["chain"], facts["self_signed"] = found.chain, found.self_signed
    return facts
