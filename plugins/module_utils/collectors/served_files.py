# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Failed checks of files that nginx serves from disk: which file it looked for, in its own words, and why there."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_errors, nginx_servers
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive

MOST = 4
STATUSES = (403, 404)
_HANDED_ON = ("proxy_pass", "uwsgi_pass", "grpc_pass", "fastcgi_pass", "return", "try_files")
# nginx's words on a file that it could not open (ngx_http_static_module).
_FILE = re.compile(r"(?:open\(\) )?\"([^\"]+)\" (?:failed|is not found|is forbidden) \((2|13|20):")


def collect(root: Directive | None, wrong: answers.Wrong, said: list[str]) -> list[dict[str, Any]]:
    """{name, status, path, denied, nearest, words, file, line} of each such check.

    said: what nginx's error log says of this look's requests. path: the file that nginx looked for; denied: whether it
    was refused it; nearest: the last folder on the way that is there. words, file, line: of the alias or root.
    """
    found = []
    for wanted, shown in wrong[:MOST] if root else []:
        path = urlsplit(wanted["url"]).path or "/"
        item = _looked_for(path, said) if shown["status"] in STATUSES else None
        if item and root and (line := _place(root, wanted, path)):
            place = {"words": " ".join(line.words)[:200], "file": line.file, "line": line.line}
            found.append({"name": shown["name"], "status": shown["status"], **item, **place})
    return found


def _looked_for(path: str, said: list[str]) -> dict[str, Any] | None:
    found = parse(path, said)
    if not found:
        return None
    nearest = os.path.dirname(found[0])
    while nearest != "/" and not os.path.isdir(nearest):
        nearest = os.path.dirname(nearest)
    return {"path": found[0][:300], "denied": found[1], "nearest": nearest}


def parse(path: str, said: list[str]) -> tuple[str, bool] | None:
    """(file, whether nginx was refused it) of the newest line on a request for this path; None where none is on one."""
    for line in reversed(said):
        match = _FILE.search(line)
        if match and nginx_errors.request(line)[1] == path:
            return match[1], match[2] == "13"
    return None


def _place(root: Directive, wanted: dict[str, Any], path: str) -> Directive | None:
    """The alias or root of a location that serves from disk; None where it hands the request on."""
    contexts = nginx_servers.contexts(root, wanted["url"], wanted.get("host") or "", path)
    if any(item.name in _HANDED_ON for item in contexts[-1].block):
        return None
    return nginx_config.inherited(contexts, "alias") or nginx_config.inherited(contexts, "root")
