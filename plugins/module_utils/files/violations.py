# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the app's account cannot do with its files though it must: the kernel says it; and the least that repairs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ansible_collections.rescue502.django.plugins.module_utils.files import virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account
from ansible_collections.rescue502.django.plugins.module_utils.files.file_look import Look, Paths, Violation, real
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts


class Own(Protocol):
    """Why root must not give the account what the app's own settings name; empty where it may. See own_folders.py."""

    def objection_to_log(self, log: str, target: str) -> str:
        """target: the log file, or a folder above it."""

    def objection_to_media(self, media: str) -> str:
        """media: the folder of uploads."""


def find(
    account: Account,
    paths: Paths,
    parts: list[str],
    limit: int,
    glance: bool = False,
    proxy: Account | None = None,
    refused: list[str] | None = None,
    own: Own | None = None,
    knows: Callable[[str], bool] = lambda _path: False,
) -> list[Violation]:
    """What the account cannot do though it must, by part, at most `limit` of each part.

    proxy: the web server's account, which must pass through the folders above paths.proxy.

    Each is {path, part, problem, owner, group, mode, inode}: the numbers and octal mode wanted, and which file it is;
    {acl}, an entry for the access control list, where one is wanted; {doubt}, of code and media, why opening it may
    give away what is somebody else's, where that is so; and {objection}, why it must not or cannot be changed, of logs
    and media always. Of the other parts, what cannot be repaired by owner and mode is left out.
    Folders that could not be looked into are added to `refused`. knows: as for disclosure.doubt().
    """
    found: list[Violation] = []
    with Look(account, paths, limit, glance, refused, knows) as look:
        objection = own.objection_to_media(paths.media) if own and paths.media else ""
        if "code" in parts:
            # What is not an environment of its own holds files that are none of everybody's business.
            venv = "" if virtual_env.objection(paths.venv, paths.root) else paths.venv
            apart = [venv, *paths.env_files, *([] if objection else [paths.media])]
            found += look.code(frozenset(filter(None, apart)))
            found += look.venv() if venv and not glance else []
        if "media" in parts and paths.media:
            found += [_objected(item, objection) for item in look.media(only_one=bool(objection))]
        if "env_file" in parts:
            found += [item for path in paths.env_files for item in look.env_file(path)]
        ways = [*(paths.root, paths.venv), *map(real, filter(None, (paths.root, paths.venv)))]
        above = look.above(ways) if {"logs", "parents"} & {*parts} else []
        if "logs" in parts:
            found += _logs(look, own, {item["path"] for item in [*found, *above]})
        if "parents" in parts:
            found += above
    if "parents" in parts and proxy and paths.proxy:
        with Look(proxy, paths, limit, glance) as look:
            known = {item["path"] for item in found}
            barred = [item for item in look.above(paths.proxy) if item["path"] not in known]
        name = accounts.user_name(proxy.uid)
        found += [dict(item, problem=f"{name} of the web server: {item['problem']}") for item in barred]
    return [item for item in found if item["part"] in ("media", "logs") or not item.get("objection")]


def _logs(look: Look, own: Own | None, reported: set[str]) -> list[Violation]:
    """Of all logs, each file and folder once. reported: what bars the way to the code as well, and is named there."""
    needed: dict[str, Violation] = {}
    for path in look.paths.logs:
        for item in [item for item in look.log(path) if item["path"] not in reported]:
            judged = _objected(item, own.objection_to_log(path, item["path"]) if own else "")
            known = needed.setdefault(item["path"], judged)
            # One log needs its folder to be passed through, another one to be made there.
            if not judged["objection"] and "written" in judged["problem"] and "written" not in known["problem"]:
                needed[item["path"]] = judged
    return list(needed.values())


def _objected(item: Violation, objection: str) -> Violation:
    return dict(item, objection=objection or item.get("objection", ""))
