# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A path as the app's unit sees it: by its own mounts another file, or none, than the one that this process finds.

Of a unit that runs, its process's root shows it (proc(5), /proc/pid/root). Links are followed below that root: the
kernel would follow an absolute one from ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import is_below

MOST_LINKS = 40
_PRIVATE = ("/tmp", "/var/tmp")
_HOMES = ("/home", "/root", "/run/user")


def bar(unit: str) -> str:
    """Why a path of a unit's cannot be looked at, where reached() gives None."""
    return f"{unit} has its own view of the file system"


def is_own(path: str, properties: dict[str, str]) -> bool:
    """Whether the unit has a mount of its own at an absolute path or above it. properties: as systemd shows them."""
    private = _PRIVATE if properties.get("PrivateTmp") == "yes" or properties.get("DynamicUser") == "yes" else ()
    return _is_below(path, [*access.own_mounts(properties), *private])


def option(path: str, properties: dict[str, str]) -> str:
    """The line of a unit, as NAME=VALUE, that shows it something else, or nothing, at an absolute path; else empty."""
    for name in ("PrivateTmp", "DynamicUser"):
        if properties.get(name) == "yes" and _is_below(path, _PRIVATE):
            return f"{name}=yes"
    if properties.get("ProtectHome") in ("yes", "tmpfs") and _is_below(path, _HOMES):
        return f"ProtectHome={properties['ProtectHome']}"
    for name in ("RootDirectory", "RootImage", "BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem"):
        if _is_below(path, access.own_mounts({name: properties.get(name, "")})):
            return f"{name}={properties[name]}"
    closed = properties.get("InaccessiblePaths", "")
    return f"InaccessiblePaths={closed}" if _is_below(path, [item.lstrip("-+") for item in closed.split()]) else ""


def _is_below(path: str, places: Iterable[str]) -> bool:
    return any(is_below(path, place) for place in places)


def reached(path: str, properties: dict[str, str]) -> str | None:
    """The path by which this process reaches what the unit sees at `path`; the path itself where both see the same.

    None where the unit has its own view there and no process of it can be looked through.
    """
    if not path.startswith("/") or not is_own(path, properties):
        return path
    for pid in sockets.unit_pids(properties):
        root = f"/proc/{pid}/root"
        try:
            os.stat(root)
            return below(root, path)
        except OSError:
            continue
    return None


def below(root: str, path: str) -> str:
    """An absolute path below a root, with its links followed as for who has that root (path_resolution(7)).

    What is not there is left as it stands. Raises OSError where a link leads round in circles.
    """
    todo, done, links = path.split("/")[::-1], list[str](), 0
    while todo:
        part = todo.pop()
        if part == "..":
            del done[-1:]
        elif part not in ("", "."):
            try:
                target = os.readlink("/".join([root, *done, part]))
            except OSError:
                done.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                raise OSError(f"too many links on the way to {path}")
            done = [] if target.startswith("/") else done
            todo += target.split("/")[::-1]
    return "/".join([root, *done])
