# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The account of nginx's workers, and what lies between them and a unix socket."""

from __future__ import annotations

import os
import pwd
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_unit
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    accounts,
    filesystems,
    processes,
    sockets,
    systemd,
)


def pids(shown: dict[str, str]) -> list[int]:
    """The processes of nginx's unit. shown: its properties."""
    return sockets.unit_pids(shown)


def workers(shown: dict[str, str]) -> list[int]:
    """Those of them that serve requests: what they run as is what counts."""
    return [pid for pid in pids(shown) if "worker process" in processes.command_line(pid)]


def user(stack: Stack, shown: dict[str, str] | None = None) -> str:
    """The name of the account that nginx's workers run as: theirs if they run, else the configured one, else none."""
    for pid in workers(systemd.show(nginx_unit.name()) if shown is None else shown):
        try:
            return pwd.getpwuid(access.Account.of_process(pid).uid).pw_name
        except (OSError, ValueError, KeyError):
            continue
    return stack.nginx_user


def account(stack: Stack, shown: dict[str, str]) -> access.Account | None:
    """A worker's credentials as they are, else those that the configured user would have; None where unknown."""
    for pid in workers(shown):
        try:
            return access.Account.of_process(pid)
        except (OSError, ValueError, KeyError):
            continue
    try:
        return access.Account(stack.nginx_user, None) if stack.nginx_user else None
    except KeyError:
        return None


def paths(stack: Stack, media: str) -> list[str]:
    """Paths of this app that nginx must reach, where they exist: its socket, and the folders of files that it serves.

    media: the folder of uploads, which may be closed to visitors on purpose, and is left out. So is what systemd makes
    for the unit: it gets its mode anew at each start; and what is the app's by its own word alone, because the folders
    above are opened for nginx.
    """
    made = systemd.runtime_directories(stack.properties)
    own = [bind["path"] for bind in stack.bind if bind["kind"] == "unix" and os.path.dirname(bind["path"]) not in made]
    there = {path for path in own if os.path.lexists(path) and app_files.may_connect(stack, path)}
    files = {item["file"] for item in stack.roots_locations}
    served = [item["folder"] for item in stack.static_locations if item["file"] in files]
    served = [folder for folder in served if not media or not filesystems.is_below(os.path.realpath(folder), media)]
    return sorted(there | {os.path.join(folder, "x") for folder in served if os.path.isdir(folder)})


def obstacles(path: str, who: access.Account, stack: Stack) -> list[dict[str, Any]]:
    """The obstacles to an account's connecting to a unix socket: folders without x, a socket without w (unix(7)).

    Of one that is not there yet, the folders as far as they are, and as systemd would make the last one.
    `by_group` says whether the group that it belongs to may pass, which is neither root's nor the account's.
    """
    made = systemd.runtime_directories(stack.properties)
    steps = []
    folder = os.path.dirname(path)
    while folder not in ("", "/"):
        steps.append((folder, access.ENTER))
        folder = os.path.dirname(folder)
    questions = []
    for step, wanted in [*reversed(steps), (path, access.WRITE)]:
        try:
            questions.append(Question(step, os.stat(step), wanted))
        except OSError:
            break
    last = os.path.dirname(path)
    planned = None if os.path.lexists(last) else _planned(last, stack)
    with KernelAccess(who) as kernel:
        denied = [*kernel.denied(questions)]
        denied += [planned] if planned and not who.may(planned.status, planned.need) else []
        return [
            {
                "path": step,
                "folder": wanted == access.ENTER,
                "made_at_start": step in made,
                "mode": f"{stat.S_IMODE(status.st_mode):04o}",
                "owner": accounts.user_name(status.st_uid),
                "group": accounts.group_name(status.st_gid),
                "by_group": bool(status.st_mode >> 3 & wanted) and status.st_gid != 0,
            }
            for step, status, wanted in denied
        ]


def _planned(folder: str, stack: Stack) -> Question | None:
    """A folder that is not there, as the unit's next start makes it; None where it does not.

    Source: systemd.exec(5), RuntimeDirectory= and RuntimeDirectoryMode=.
    """
    shown = stack.properties
    named = [name.partition(":")[0] for name in shown.get("RuntimeDirectory", "").split()]
    if folder not in [os.path.join("/run", name) for name in named]:
        return None
    try:
        uid, gid, _groups = accounts.account_ids(shown.get("User") or "root", shown.get("Group") or None)
        mode = stat.S_IFDIR | int(shown.get("RuntimeDirectoryMode") or "0755", 8)
    except (KeyError, ValueError):
        return None
    return Question(folder, os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0)), access.ENTER)
