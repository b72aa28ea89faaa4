# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What nginx asks of an app server's certificate where it speaks TLS to it, as its configuration says.

Source: nginx.org/en/docs/http/ngx_http_proxy_module.html, proxy_ssl_*; ngx_http_upstream_ssl_name() in
src/http/ngx_http_upstream.c, by which a port is no part of the name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_config,
    nginx_locations,
    nginx_servers,
    nginx_variables,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive


class UpstreamTls(NamedTuple):
    """How nginx speaks TLS to one upstream address. Paths are as the configuration writes them."""

    verify: bool
    name: str  # that the certificate is to hold; empty where the request decides
    sends_name: bool  # whether it sends that name (SNI)
    trusted: str  # the file of authorities; empty where none is set
    certificate: str  # that nginx itself shows; empty where it shows none
    server_file: str  # the file of the server block
    file: str  # where proxy_ssl_verify stands, else the server block
    line: int


def by_address(root: Directive) -> dict[str, UpstreamTls]:
    """How nginx speaks to each address that it dials by TLS; of several ways to one, the first that verifies."""
    groups = nginx_locations.upstreams(root)
    found: dict[str, UpstreamTls] = {}
    for server in (item for item in root.walk() if item.name == "server" and item.block):
        for _path, targets, protocol, contexts in nginx_locations.proxies(server, root):
            if protocol != "https":
                continue
            settings = _settings(root, server, targets[0], contexts)
            for address in nginx_locations.all_addresses(targets, groups):
                if address not in found or (settings.verify and not found[address].verify):
                    found[address] = settings
    return found


def _settings(root: Directive, server: Directive, target: str, contexts: list[Directive]) -> UpstreamTls:
    set_by = {
        name: nginx_config.inherited(contexts, f"proxy_ssl_{name}")
        for name in ("verify", "name", "server_name", "trusted_certificate", "certificate")
    }
    values = {name: directive.value if directive else "" for name, directive in set_by.items()}
    place = set_by["verify"] or server
    return UpstreamTls(
        verify=values["verify"] == "on",
        name=_name(root, server, target, values["name"] or "$proxy_host"),
        sends_name=values["server_name"] == "on",
        trusted=values["trusted_certificate"],
        certificate="" if "$" in values["certificate"] else values["certificate"],
        server_file=server.file,
        file=place.file,
        line=place.line,
    )


def _name(root: Directive, server: Directive, target: str, written: str) -> str:
    """The name without a port; empty where only the request could say it."""
    own = nginx_servers.names(server)[0]
    known = {
        **nginx_variables.known(root, server),
        "proxy_host": [nginx_locations.target_host(target)],
        # The site's own name, by which it is asked.
        **{name: [own] for name in ("host", "http_host", "server_name", "ssl_server_name")},
    }
    name = nginx_variables.expand(written, known)[0]
    return "" if "$" in name else re.sub(r":\d*$", "", name)
