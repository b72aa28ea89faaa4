# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of an app's files it cannot use though it must, and which of those are left to a person."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access, violations
from ansible_collections.rescue502.django.plugins.module_utils.files.file_look import Paths
from ansible_collections.rescue502.django.plugins.module_utils.services import known_content
from ansible_collections.rescue502.django.plugins.module_utils.stack import own_folders, sqlite_access
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, systemd

_LIMIT = 100_000


def find(given: dict[str, Any]) -> list[dict[str, Any]]:
    """All violations of the parts that were asked for; none where there is no such account: that is another failure."""
    properties = systemd.show(given["unit"]) if given["unit"] else {}
    try:
        account = access.Account.of_unit(given["user"], given["group"], properties)
    except KeyError:
        return []
    named = given["folders"]
    if named is None:
        named = [path for path in (given["media_root"], *given["logs"]) if path]
        named += [os.path.dirname(path) for path in given["databases"]]
    paths = Paths(
        given["root"], given["venv"], given["media_root"], given["env_files"], given["logs"], given["proxy_paths"]
    )
    own = own_folders.OwnFolders(given["root"], given["venv"], given["env_files"], account, named)
    knows = known_content.KnownContent(given["root"], given["venv"]).has
    found = violations.find(account, paths, given["parts"], _LIMIT, proxy=_proxy(given), own=own, knows=knows)
    if sqlite_access.PART in given["parts"]:
        found += sqlite_access.find(given["databases"], account, own, properties)
    return found


def _proxy(given: dict[str, Any]) -> access.Account | None:
    """The web server's account; None where there is none."""
    try:
        return access.Account(given["proxy_user"], None)
    except KeyError:
        return None


def is_refused(item: dict[str, Any], doubtful: list[str]) -> bool:
    """Whether something is left to a person; its `objection` says why. doubtful: parts in which no doubt counts."""
    if item.get("doubt") and item["part"] not in doubtful:
        item["objection"] = item["doubt"]
        return True
    if item["part"] == "code":
        # Where the code is may be the app's word, too. Apps are installed in /root and below /usr at times.
        places = [path for path in own_folders.SYSTEM if path not in ("/root", "/usr")]
        system = any(filesystems.is_below(os.path.realpath(item["path"]), place) for place in places)
        item["objection"] = "belongs to the system" if system else ""
    return bool(item.get("objection"))
