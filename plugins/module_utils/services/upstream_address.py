# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an address that nginx sends requests to is one that the app listens on."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config


def same_address(address: str, bind: dict[str, Any]) -> bool:
    """Whether nginx's upstream address reaches what gunicorn binds."""
    other = gunicorn_config.parse_bind(address)
    if other["kind"] != bind["kind"]:
        return False
    if bind["kind"] == "unix":
        return bool(os.path.normpath(other["path"]) == os.path.normpath(bind["path"]))
    if other["host"] != "localhost":  # for which nginx dials both of its addresses
        other["host"] = _hosts_file().get(other["host"], other["host"])
    return bool(other["port"] == bind["port"] and _same_host(other["host"], bind["host"]))


def _same_host(dialled: str, bound: str) -> bool:
    """Whether a host that is dialled reaches one that is bound; `::` takes requests to IPv4 addresses too."""
    families = ({"127.0.0.1", "localhost", "0.0.0.0"}, {"::1", "localhost", "::"})
    same_loopback = any({dialled, bound} <= family for family in families)
    on_all = bound in ("0.0.0.0", "::") and (dialled.startswith("127.") or dialled == "localhost")
    return dialled == bound or same_loopback or on_all


@lru_cache(maxsize=1)
def _hosts_file() -> dict[str, str]:
    """Names that /etc/hosts knows, with their first address: nginx resolves upstreams by it too (hosts(5))."""
    names: dict[str, str] = {}
    try:
        with open("/etc/hosts", encoding="utf-8", errors="replace") as file:
            lines = [line.partition("#")[0].split() for line in file]
    except OSError:
        return names
    for words in lines:
        for name in words[1:]:
            names.setdefault(name, words[0])
    return names
