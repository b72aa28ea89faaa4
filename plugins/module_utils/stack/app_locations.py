# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The locations of nginx that hand requests to the app, and what else nginx's configuration says of the stack."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_config,
    nginx_locations,
    nginx_servers,
    web_servers,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack import roots_word
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import unread


def add_nginx(stack: Stack, given: dict[str, Any]) -> None:
    """The locations that hand requests to this app; where none does, those of the hosts, else the only proxied one."""
    if not stack.nginx_config:
        return
    hosts = _edge_hosts(given)
    try:
        root, stack.nginx_files = nginx_config.load(stack.nginx_config)
        stack.nginx_root = root
    except OSError as error:
        if isinstance(error, PermissionError):
            stack.nginx_unread = [unread.Unread(f"nginx's configuration {stack.nginx_config}", unread.reason(error))]
        return
    barred = nginx_config.barred_includes(root, os.path.dirname(stack.nginx_config))
    stack.nginx_unread = [unread.Unread(f"nginx's configuration {path}", why) for path, why in barred.items()]
    proxied = nginx_locations.proxied_locations(root)
    stack.all_locations = proxied
    ours = [item for item in proxied if any(same_address(a, bind) for a in item["addresses"] for bind in stack.bind)]
    servers = {tuple(item["server_names"]) for item in proxied}
    meant = [item for item in proxied if any(nginx_servers.takes_name(item["server_names"], host) for host in hosts)]
    # Without a unit nobody knows which of several is meant: all are asked.
    only = len(servers) == 1 or not stack.unit
    stack.locations = ours or meant or (proxied if only and not stack.nginx_unread else [])
    stack.roots_locations = roots_word.locations(stack.locations, proxied, hosts, stack.word)
    stack.locations = _on_the_ports_in_use(stack.locations)
    stack.behind_nginx = bool(ours)
    files = {item["file"] for item in stack.locations}
    # Another site on this host has static files of its own.
    served = nginx_locations.static_locations(root)
    stack.static_locations = [item for item in served if not files or item["file"] in files]
    stack.nginx_user = root.first("user")
    stack.nginx_error_log = root.first("error_log")
    stack.nginx_folders = nginx_config.included_folders(root, os.path.dirname(stack.nginx_config))


def _on_the_ports_in_use(locations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """nginx's locations; where it is turned off and another web server has its place, with the ports of that alone.

    What its configuration names besides is of another time: nobody is to answer there.
    """
    if not locations or not web_servers.nginx_is_off() or not (held := web_servers.ports_of_others()):
        return locations
    ports = tuple(f":{port}" for port in held)
    return [
        {**item, "listen": [listen for listen in item["listen"] if f":{listen.rpartition(':')[2]}".endswith(ports)]}
        for item in locations
    ]


def _edge_hosts(given: dict[str, Any]) -> set[str]:
    """The names by which the user has the edge asked."""
    checks = given.get("edge") or []
    return {str(check.get("host") or urlsplit(str(check.get("url") or "")).hostname or "") for check in checks} - {""}
