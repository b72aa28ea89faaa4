# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where an environment stays that was replaced: in the folder that root alone enters.

So nothing of ours stands in the app's folder, for deploy tools, git and people to stumble over. A folder cannot be
renamed into another file system: there it stays next to the environment.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator

from ansible_collections.rescue502.django.plugins.module_utils.files.directory_handle import OpenFolder
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory

ROOM = "environments"


def put_away(folder: OpenFolder, name: str) -> None:
    """Move an old environment out of an app's folder, where it can be renamed; else leave it there. Raises nothing."""
    with contextlib.suppress(OSError):
        state_directory.made(ROOM, _of(folder.path))
        with _opened(folder.path) as away:
            folder.move(name, away)


def bring_back(folder: OpenFolder, name: str) -> None:
    """Move it back, where it was put away. Raises OSError."""
    if not folder.exists(name):
        with _opened(folder.path) as away:
            away.move(name, folder)


def names(folder: OpenFolder) -> list[str]:
    """The names of all that was put away from a folder."""
    try:
        return os.listdir(state_directory.path(ROOM, _of(folder.path)))
    except OSError:
        return []


def find(path: str) -> str:
    """Where an old environment is by now that was put aside as `path`; empty where it is gone."""
    folder, name = os.path.split(path)
    away = os.path.join(state_directory.path(ROOM, _of(folder)), name)
    return next((place for place in (path, away) if os.path.isdir(place)), "")


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[OpenFolder]:
    with contextlib.closing(OpenFolder(state_directory.path(ROOM, _of(folder)))) as away:
        yield away


def _of(folder: str) -> str:
    """The name of the place for an app's folder: to be read by a person, and no other folder's."""
    return f"{os.path.basename(folder)[:60]}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
