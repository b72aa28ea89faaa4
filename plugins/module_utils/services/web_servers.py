# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Web servers other than nginx that may stand before an app: their programs and units, and whether one replaces it."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import processes, sockets, systemd

NGINX = "nginx.service"
PORTS = {80, 443}
# By the name of the executable.
SERVERS = {
    "nginx": "nginx", "apache2": "Apache", "httpd": "Apache", "caddy": "Caddy", "haproxy": "HAProxy",
    "traefik": "Traefik", "lighttpd": "lighttpd", "envoy": "Envoy", "angie": "Angie", "openresty": "OpenResty",
    "varnishd": "Varnish", "litespeed": "LiteSpeed", "openlitespeed": "LiteSpeed", "docker-proxy": "Docker",
    "conmon": "Podman", "rootlessport": "Podman",
}  # fmt: skip
_UNITS = {
    "apache2.service": "Apache", "httpd.service": "Apache", "caddy.service": "Caddy", "haproxy.service": "HAProxy",
    "traefik.service": "Traefik", "lighttpd.service": "lighttpd", "envoy.service": "Envoy",
}  # fmt: skip


def server(pid: int) -> str:
    """The web server that a process is, by the program that it runs; empty where it is not one that is known."""
    return SERVERS.get(processes.program(pid), "")


def nginx_is_off() -> bool:
    """Whether nginx does not run and is not to start: somebody has disabled or masked it, or it is not installed."""
    shown = systemd.show(NGINX)
    meant = shown.get("LoadState") == "loaded" and shown.get("UnitFileState") not in ("disabled", "masked")
    return not meant and shown.get("ActiveState") not in ("active", "activating", "reloading")


def ports_of_others() -> set[int]:
    """The ports for browsers that another web server that is known listens on."""
    held = [item for item in sockets.listeners() if item["kind"] == "tcp" and item["port"] in PORTS]
    return {item["port"] for item in held if server(item["pid"]) not in ("", "nginx")}


def enabled() -> list[dict[str, Any]]:
    """{name, server, active_state, result} of each unit of another web server that is to start by itself."""
    found = systemd.show_many(list(_UNITS), ["Id", "LoadState", "ActiveState", "UnitFileState", "Result"])
    return [
        {
            "name": unit["Id"],
            "server": _UNITS[unit["Id"]],
            "active_state": unit.get("ActiveState", ""),
            "result": unit.get("Result", ""),
        }
        for unit in found
        if unit.get("LoadState") == "loaded" and unit.get("UnitFileState") == "enabled" and unit.get("Id") in _UNITS
    ]
