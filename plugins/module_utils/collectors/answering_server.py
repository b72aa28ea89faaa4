# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which server block of nginx answered a check that failed, and whether it answers there without the app."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

MOST = 4


def collect(stack: Stack, wrong: answers.Wrong) -> list[dict[str, Any]]:
    """For each failed check: {name, host, chosen_by, server_names, is_the_apps, returns, file, line}.

    `returns` is a `return 2…` that answers there in the app's place; file and line are its, else the server's.
    """
    root = stack.nginx_root
    found = [_answered(stack, root, pair) for pair in wrong[:MOST]] if root else []
    return [item for item in found if item]


def _answered(stack: Stack, root: Directive, check: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any] | None:
    wanted, shown = check
    url = urlsplit(wanted["url"])
    name = nginx_servers.host_name(wanted.get("host") or nginx_servers.netloc(wanted["url"]))
    found = nginx_servers.answering_check(root, wanted["url"], name)
    if not found:
        return None
    names = nginx_servers.names(found.server)
    ours = any(
        item["file"] == found.server.file and (item["server_names"] or [""]) == names for item in stack.locations
    )
    inner = [found.server, *nginx_servers.location(found.server, url.path or "/")]
    rules = [item for block in inner for item in block.all("return") if re.match(r"^2\d\d$", item.value)]
    place = rules[0] if rules else found.server
    return {
        "name": shown["name"],
        "host": name[:200],
        "chosen_by": found.chosen_by,
        "server_names": names[:5],
        "is_the_apps": ours,
        "returns": " ".join(rules[0].words)[:200] if rules else "",
        "file": place.file,
        "line": place.line,
    }
