# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TLS between nginx and the app: what the app server shows now, and whether nginx, as it is configured, takes it.

Asked by a handshake like nginx's own; nginx's error log says only what it has met so far.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    certificate,
    gunicorn_config,
    nginx_errors,
    nginx_upstream_tls,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_upstream_tls import UpstreamTls
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import tls_handshake, unread

SECONDS = 2.0
# What nginx says where an app that speaks TLS is asked in plain text.
_PLAIN_IN_VAIN = ("closed-early", "not-http")
# What it says where the app ends a connection while TLS is set up; asyncio's does so without an alert.
_ENDED = re.compile(
    r"SSL alert number \d+|peer closed connection in SSL handshake|\(104: [^)]*\) while SSL handshaking"
)
_REFUSED = re.compile(r"upstream SSL certificate (?:verify error: \((\d+:[^)]*)\)|(does not match))")
# Of OpenSSL's verdicts those that our own handshake cannot come to: revocations, and how long a chain may be
# (x509_vfy.h; Python's ssl sets no depth).
_ONLY_NGINX = ("3:", "12:", "22:", "23:")


def paths(stack: Stack) -> list[str]:
    """The authorities that nginx trusts of app servers, and what it shows them: it reads those files when it loads."""
    named = {path for item in _configured(stack).values() for path in (item.trusted, item.certificate)}
    return sorted(_path(stack, path) for path in named if path)


def collect(stack: Stack, errors: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each address of the app's where TLS could be at fault: what is spoken there, and what nginx makes of it.

    errors: what nginx has logged since it last read its configuration. Only what root's own files name is asked.
    """
    configured = _configured(stack)
    in_vain = any(nginx_errors.name_of(item["text"]) in _PLAIN_IN_VAIN for item in errors)
    found: dict[str, dict[str, Any]] = {}
    for location in stack.roots_locations:
        for address in location["addresses"]:
            settings = configured.get(address)
            suspected = settings is not None or (in_vain and location["protocol"] == "http")
            if suspected and address not in found and _may_ask(stack, address):
                found[address] = _facts(stack, gunicorn_config.parse_bind(address), settings, errors)
    return found


def _configured(stack: Stack) -> dict[str, UpstreamTls]:
    """How nginx speaks TLS to each address, by root's own files alone."""
    if stack.nginx_root is None:
        return {}
    own_files = {item["file"] for item in stack.roots_locations}
    found = nginx_upstream_tls.by_address(stack.nginx_root)
    return {address: settings for address, settings in found.items() if settings.server_file in own_files}


def _may_ask(stack: Stack, address: str) -> bool:
    """Whether an address is the app's own, and root may connect to it."""
    path = gunicorn_config.parse_bind(address)["path"]
    is_own = any(same_address(address, bind) for bind in stack.bind)
    return is_own and (not path or (os.path.exists(path) and app_files.may_connect(stack, path)))


def _facts(
    stack: Stack, bind: dict[str, Any], settings: UpstreamTls | None, errors: list[dict[str, Any]]
) -> dict[str, Any]:
    """The facts of one address. settings: how nginx speaks TLS there; None where it does not."""
    ended = _ended(errors)
    name = settings.name if settings and settings.sends_name and not _is_address(settings.name) else ""
    shake = tls_handshake.ask(bind, name, SECONDS, for_alert=bool(ended))
    shown = _shown(shake.certificate)
    facts: dict[str, Any] = {
        "mismatch": shake.is_tls is False if settings else shake.is_tls is True,
        "failure": shake.failure,
        "days_left": certificate.days_until(shown.not_after) if shown else None,
        "names": shown.names if shown else [],
    }
    if settings is None:
        return facts
    own = _path(stack, settings.certificate)
    facts.update(
        name=settings.name,
        trusted=_path(stack, settings.trusted),
        file=settings.file,
        line=settings.line,
        refused=_refused(stack, bind, name, settings, shown, errors) if settings.verify else "",
        # Without an alert it may have been a restart.
        ended=ended if shake.failure or "SSL alert" in ended else "",
        own_certificate=own,
        own_days_left=_days_left(own),
    )
    return facts


def _refused(
    stack: Stack,
    bind: dict[str, Any],
    sent_name: str,
    settings: UpstreamTls,
    shown: certificate.Certificate | None,
    errors: list[dict[str, Any]],
) -> str | unread.Unread:
    """Why nginx does not take the certificate, in its own words; empty where it does, or where there was none."""
    if shown is None:
        return ""
    matches = [match for item in errors if (match := _REFUSED.search(item["text"]))]
    said, mismatch = (matches[-1][1] or "", bool(matches[-1][2])) if matches else ("", False)
    path = _path(stack, settings.trusted)
    try:
        verdict = tls_handshake.distrust(bind, sent_name, safe_files.text(path), SECONDS)
    except (OSError, ValueError) as error:
        if not matches:
            return unread.Unread(f"whether nginx trusts what {bind['host'] or bind['path']} shows", str(error))
        verdict = said
    if said and (verdict or said.startswith(_ONLY_NGINX)):
        # Of several faults nginx logs the last one that OpenSSL meets, and a handshake of ours ends at the first.
        verdict = said
    if verdict:
        return f"upstream SSL certificate verify error: ({verdict})"
    wrong = _is_wrong(settings.name, shown.names)
    # Of an address, or of a certificate that has its name in its subject alone, only nginx's own word counts.
    if wrong is True or (wrong is None and mismatch):
        return f'upstream SSL certificate does not match "{settings.name}"'
    return ""


def _is_wrong(name: str, names: list[str]) -> bool | None:
    """Whether a certificate for these names is not for that one; None where the names alone do not say so."""
    hosts = [each.lower() for each in names if not _is_address(each)]
    if not name or not hosts or _is_address(name):
        return None
    label, _dot, rest = name.lower().rstrip(".").partition(".")
    return not any(each in (f"{label}.{rest}".rstrip("."), f"*.{rest}") for each in hosts)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _shown(der: bytes) -> certificate.Certificate | None:
    try:
        return certificate.parse_der(der) if der else None
    except ValueError:
        return None


def _path(stack: Stack, written: str) -> str:
    """nginx takes a relative path from the folder of its configuration."""
    return os.path.join(os.path.dirname(stack.nginx_config), written) if written else ""


def _days_left(path: str) -> float | None:
    """Of a certificate in a file; None where there is none, or it cannot be read."""
    try:
        return certificate.days_until(certificate.read(path).not_after) if path else None
    except (OSError, ValueError):
        return None


def _ended(errors: list[dict[str, Any]]) -> str:
    """What nginx says of its newest connection, where the app ended that while TLS was set up; else empty."""
    lines = [item["text"] for item in errors if nginx_errors.name_of(item["text"]) not in ("", nginx_errors.ORDINARY)]
    is_newest = bool(lines) and "upstream" in lines[-1] and bool(_ENDED.search(lines[-1]))
    return re.sub(r"^\*\d+ ", "", lines[-1]).partition(", client: ")[0] if is_newest else ""
