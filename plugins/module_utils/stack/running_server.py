# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a running app server was really started, where its unit starts a script that ends in it (proc(5)).

The app's account can write what its process says of itself. It informs a diagnosis, and decides nothing: roots_word.py.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.rescue502.django.plugins.module_utils.files import virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config
from ansible_collections.rescue502.django.plugins.module_utils.stack import roots_word
from ansible_collections.rescue502.django.plugins.module_utils.system import processes, sockets, systemd
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import is_below

# What systemd and a shell add at each start; it is of that start alone (systemd.exec(5)).
_OF_THE_START = (
    "INVOCATION_ID", "JOURNAL_STREAM", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "MAINPID", "MANAGERPID",
    "NOTIFY_SOCKET", "OLDPWD", "PWD", "SHLVL", "SYSTEMD_EXEC_PID", "WATCHDOG_PID", "WATCHDOG_USEC", "_",
)  # fmt: skip
_SHELLS = ("bash", "dash", "sh", "zsh")


@dataclass(frozen=True)
class RunningServer:
    """The command line, variables and working folder that the server was started with."""

    words: list[str]
    environment: dict[str, str]
    folder: str

    def venv(self, root: str, user: str) -> str:
        """The virtual environment of its program, where that is the app's own: below its folder, or its account's."""
        folders = [os.path.dirname(os.path.dirname(word)) for word in self.words[:2] if word.startswith("/")]
        for folder in folders:
            is_own = is_below(folder, root) or roots_word.owns(folder, user)
            if virtual_env.is_one(folder) and is_own and not virtual_env.holds(folder, root):
                return folder
        return ""


def of_script(properties: dict[str, str]) -> RunningServer | None:
    """The server that a unit's script, or a shell's line, has started; None where the unit starts it itself, or none.

    properties: the unit's, as systemd shows them.
    """
    words = systemd.exec_argv(properties.get("ExecStart", ""))
    is_shell = bool(words) and os.path.basename(words[0]) in _SHELLS
    return _find(properties) if is_shell or not gunicorn_config.server_name(words) else None


def _find(properties: dict[str, str]) -> RunningServer | None:
    """The server that a unit runs, by its oldest process."""
    for pid in sorted(sockets.unit_pids(properties)):
        words = processes.command_words(pid)
        if gunicorn_config.server_name(words) and (environment := processes.environment(pid)):
            kept = {name: value for name, value in environment.items() if name not in _OF_THE_START}
            return RunningServer(words, kept, processes.folder(pid))
    return None
