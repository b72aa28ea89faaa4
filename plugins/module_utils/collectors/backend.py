# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backend: the app asked past nginx, at its health URL or at any path."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config, nginx_headers
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client, unread


def collect(stack: Stack, health_json: Any, timeout: float) -> dict[str, Any]:
    """Ask the health URL if one is given, else the first bind address. timeout is in seconds."""
    if not stack.health_url or stack.server.speaks_uwsgi:
        return ask(stack, urlsplit(stack.health_url).path or "/", timeout)
    if _bind(stack) is not None and (not _is_bound(stack) or _by_tls_now(stack)):
        # The user's address is of another time: the app listens elsewhere, or speaks TLS by now.
        return ask(stack, urlsplit(stack.health_url).path or "/", timeout, health_json)
    wanted = {"url": stack.health_url, "status": 200, "json": health_json, "verify_tls": False}
    answer = http_client.check(wanted, "", timeout)
    # Django may allow the public name only; a health URL on loopback is asked as the user wrote it first.
    if answer["status"] == 400 and public_name(stack):
        answer = http_client.check(dict(wanted, host=public_name(stack)), "", timeout)
    return dict(answer, asked=True)


def ask(stack: Stack, path: str, timeout: float, json: Any = None) -> dict[str, Any]:
    """Ask the app for a path as nginx would, at the first address that it binds: {asked, status, seconds, …}."""
    return make_check(stack, {"url": path, "host": public_name(stack), "status": None, "json": json}, "", timeout)


def make_check(stack: Stack, wanted: dict[str, Any], origin: str, timeout: float) -> dict[str, Any]:
    """Make an edge check of the app itself, past nginx; as http_client.check() with `asked`, whether it could be.

    timeout: in seconds.
    """
    bind = _bind(stack)
    if bind is None:
        return {"asked": False}
    scheme = "https" if stack.server.certfile else "http"
    base = f"{scheme}://{bind['host']}:{bind['port']}" if bind["kind"] == "tcp" else "http://localhost"
    base = base.replace("//0.0.0.0:", "//127.0.0.1:").replace("//:::", "//[::1]:")
    unix_path = bind["path"] if bind["kind"] == "unix" else ""
    if unix_path and os.path.lexists(unix_path) and not app_files.may_connect(stack, unix_path):
        return {"asked": False}
    why = unread.hidden(unix_path) if unix_path else ""
    if why or (os.path.exists(unix_path) and not os.access(unix_path, os.W_OK)):
        lacking = unread.Unread("the app's own answer", why or f"{unread.account()} may not connect to {unix_path}")
        return {"asked": lacking, "well": lacking, "error": lacking}
    url = urlsplit(wanted["url"])
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = wanted.get("host") or url.netloc
    directly = {
        **wanted,
        "url": base + target,
        "host": host,
        "unix_path": unix_path,
        "verify_tls": False,
        "uwsgi": nginx_headers.uwsgi_variables(stack.nginx_root, wanted) if stack.server.speaks_uwsgi else None,
    }
    answer = http_client.check(directly, origin, timeout)
    if stack.server.speaks_uwsgi:
        answer["url"] = answer["url"].replace("http", "uwsgi", 1)
    return dict(answer, asked=True)


def public_name(stack: Stack) -> str:
    """A name that nginx serves the app under; empty where it has none."""
    names = [name for item in stack.locations for name in item["server_names"] if name not in ("_", "")]
    return names[0] if names else ""


def _bind(stack: Stack) -> dict[str, Any] | None:
    return next((item for item in stack.bind if item["kind"] in ("tcp", "unix")), None)


def _by_tls_now(stack: Stack) -> bool:
    """Whether the app is to speak TLS at the very address that the user's health URL asks in plain text."""
    parts = urlsplit(stack.health_url)
    address = f"{parts.hostname}:{http_client.port(parts)}"
    plain = parts.scheme == "http" and bool(stack.server.certfile)
    return plain and any(same_address(address, bind) for bind in stack.bind)


def _is_bound(stack: Stack) -> bool:
    """Whether the health URL's address is one that the app binds, or one on another host that only the user knows."""
    parts = urlsplit(stack.health_url)
    port = http_client.port(parts)
    address = f"{parts.hostname}:{port}"
    here = gunicorn_config.parse_bind(address)["host"] in ("127.0.0.1", "localhost", "::1", "0.0.0.0")
    # On 80 and 443 it is nginx that is asked, by the user's wish.
    return not here or port in (80, 443) or any(same_address(address, bind) for bind in stack.bind)
