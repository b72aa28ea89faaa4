# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where nginx sends this app's requests, whether anybody listens there, and whether nginx may connect."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    nginx_log,
    reachability,
    upstream_tls,
)
from ansible_collections.rescue502.django.plugins.module_utils.files import unit_view
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    nginx_locations,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack import nginx_workers
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import name_resolution, sockets, unread

CONNECT_TIMEOUT = 1.0
MAX_FILES = 200
MAX_BYTES = 262144


def collect(
    stack: Stack,
    listeners: list[dict[str, Any]],
    shown: dict[str, str],
    well: bool,
    errors: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Each address that nginx sends to: does the app bind it, does anyone listen there, what bars nginx from it?

    shown: the properties of nginx's unit. well: whether the edge is, so that nothing bars nginx. errors: what nginx has
    logged since it last read its configuration.
    """
    who = nginx_workers.account(stack, shown)
    account = "" if well else nginx_workers.user(stack, shown)
    tls = {} if well else upstream_tls.collect(stack, errors)
    found: dict[str, dict[str, Any]] = {}
    for location in stack.locations:
        for address in location["addresses"]:
            bind = gunicorn_config.parse_bind(address)
            path = bind["path"] if bind["kind"] == "unix" else ""
            exists = bool(path) and os.path.lexists(path)
            ours = any(same_address(address, own) for own in stack.bind)
            found[address] = {
                "address": address,
                "file": location["file"],
                "kind": bind["kind"],
                "protocols": sorted({item["protocol"] for item in stack.locations if address in item["addresses"]}),
                "path": path,
                "exists": unread.known(exists, f"nginx's upstream {path}", unread.hidden(path) if path else ""),
                "backup": address in location["backups"],
                "is_ours": unread.known(ours, "where the app is to listen", stack.bind_bar),
                "listening": _listening(bind, listeners),
                "unreachable": (bar := reachability.barred(bind, listeners, account)),
                "rules": reachability.rules(bind["port"]) if bar else [],
                "moved_from": _moved_from(bind, errors),
                "denied": nginx_workers.obstacles(path, who, stack) if path and (exists or ours) and who else [],
                "hidden_by": "" if well or not path else unit_view.option(path, shown),
                **({"tls": tls[address]} if address in tls else {}),
            }
    return list(found.values())


def _moved_from(bind: dict[str, Any], errors: list[dict[str, Any]]) -> str:
    """The address that nginx dials in vain where an upstream is a name that stands for others by now; else empty.

    A name in proxy_pass or in an upstream's server is looked up when nginx reads its configuration, and not again
    (nginx.org/en/docs/http/ngx_http_upstream_module.html#server).
    """
    if bind["kind"] != "tcp" or not name_resolution.is_name(bind["host"]):
        return ""
    dialled = [host for host, port in nginx_log.dialled_in_vain(errors) if port == bind["port"]]
    now = name_resolution.look_up(bind["host"])["addresses"] if dialled else []
    return dialled[0] if now and not set(now) & set(dialled) else ""


def _listening(bind: dict[str, Any], listeners: list[dict[str, Any]]) -> bool:
    """Whether somebody accepts there: of addresses that are not this host's, only connecting shows it."""
    if sockets.matching(bind, listeners):
        return True
    return bind["kind"] == "tcp" and not sockets.connects(bind, CONNECT_TIMEOUT)


def unused_files(stack: Stack) -> list[dict[str, Any]]:
    """Files near nginx's configuration that it does not read and that would hand requests to this app."""
    if not stack.nginx_config:
        return []
    read = {os.path.realpath(path) for path in stack.nginx_files}
    found = []
    for path in _files_below(os.path.dirname(stack.nginx_config)):
        if os.path.realpath(path) in read:
            continue
        try:
            locations = nginx_locations.proxied_locations(nginx_config.load_fragment(path))
        except OSError:
            continue
        ours = [item for item in locations if any(same_address(a, b) for a in item["addresses"] for b in stack.bind)]
        if ours:
            found.append({"file": path, "server_names": ours[0]["server_names"]})
    # A backup is seldom what was meant; the folder made for it comes first.
    return sorted(found, key=lambda item: ("/sites-available/" not in item["file"], item["file"]))


def _files_below(folder: str) -> list[str]:
    found = []
    for top, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(top, name)
            if os.path.isfile(path) and os.path.getsize(path) < MAX_BYTES:
                found.append(path)
        if len(found) > MAX_FILES:
            break
    return found[:MAX_FILES]
