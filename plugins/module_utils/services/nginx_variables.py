# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the variables of an nginx configuration can stand for, as far as the configuration itself says so.

`set`, `map`, `geo` and `split_clients` name values; which of several holds is decided by each request, so all of them
are kept (nginx.org/en/docs/varindex.html).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive

# Choices of one request: more than this are no longer a list that anybody reads.
MOST = 16
CHOOSING = ("map", "geo", "split_clients")
# Words in such a block that are not a value (ngx_http_map_module, ngx_http_geo_module).
NOT_VALUES = ("hostnames", "volatile", "include", "proxy", "proxy_recursive", "ranges", "delete")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def known(root: Directive, server: Directive) -> dict[str, list[str]]:
    """The values that each variable can have in a server, by its name without `$`."""
    found: dict[str, list[str]] = {}
    for item in root.walk():
        if item.name in CHOOSING and item.block:
            values = [entry.words[-1] for entry in item.block if len(entry.words) > 1 and entry.name not in NOT_VALUES]
            found[item.words[-1].lstrip("$")] = values
    for item in server.walk():
        if item.name == "set" and len(item.words) == 3:
            found.setdefault(item.value.lstrip("$"), []).append(item.words[2])
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def expand(text: str, values: dict[str, list[str]], depth: int = 4) -> list[str]:
    """Each text that this one can be, a variable of which nothing is known left as it is; at most MOST of them."""
    match = next((item for item in _VARIABLE.finditer(text) if _name(item) in values), None)
    if match is None or not depth:
        return [text]
    expanded = [text[: match.start()] + value + text[match.end() :] for value in values[_name(match)]]
    return list(dict.fromkeys(found for part in expanded for found in expand(part, values, depth - 1)))[:MOST]


def _name(match: re.Match[str]) -> str:
    return match[1] or match[2]
