# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that the app itself names, read as the app could: as root only where root's own files name them too."""

from __future__ import annotations

import os

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config
from ansible_collections.rescue502.django.plugins.module_utils.stack import roots_word
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

READ_SECONDS = 4.0


def sockets(stack: Stack) -> list[str]:
    """The sockets that root's own files name for this app: its unit, and nginx's locations of its site."""
    dialled = [address for item in stack.roots_locations for address in item["addresses"]]
    return [path for path in (gunicorn_config.parse_bind(address)["path"] for address in dialled) if path]


def may_connect(stack: Stack, path: str) -> bool:
    """Whether root may connect to a socket that the app says is its own: root's files say so too, or it is the app's.

    To connect may start a service, and who listens there gets a request of root's.
    """
    return path in (*sockets(stack), *stack.word.paths()) or roots_word.owns(path, stack.user)


def tail(stack: Stack, path: str, size: int) -> str:
    """The last `size` bytes of a log; empty where it cannot be read."""
    if os.path.normpath(path) in stack.word.paths():
        try:
            return safe_files.tail(path, size)
        except OSError:
            return ""
    try:
        words = ["/usr/bin/tail", "-c", str(size), "--", path]
        return commands.run_as(stack.user, stack.group or None, words, {}, "/", READ_SECONDS).stdout
    except KeyError:
        return ""
