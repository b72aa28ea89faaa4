# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What root gives, makes and removes of what an app's own settings name: logs, uploads, sockets and pid files.

Settings are the app's word; an attacker in the app could name /etc/shadow there. So root acts below the app's own
folders (its root, its account's home), below folders that root's own files name (unit, nginx, a playbook), and where
the account could help itself anyhow. Never in what belongs to the system, and never on a folder that others share.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access, safe_files, virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, systemd
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import is_below

SYSTEM = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run/credentials",
    "/run/systemd", "/run/user", "/sbin", "/sys", "/usr", "/var/lib/dpkg", "/var/lib/rescue502", "/var/lib/systemd",
    "/var/spool",
)  # fmt: skip
# Folders that many share; what is in them may be one app's, they themselves are nobody's.
SHARED = (
    "/", "/home", "/media", "/mnt", "/opt", "/run", "/srv", "/tmp", "/var", "/var/cache", "/var/lib", "/var/log",
    "/var/tmp", "/var/www",
)  # fmt: skip
# systemd.exec(5): where each of these options makes its folders.
_MADE_BY_SYSTEMD = {"LogsDirectory": "/var/log", "StateDirectory": "/var/lib", "CacheDirectory": "/var/cache"}
_LOG_OPTIONS = ("--error-logfile", "--log-file", "--access-logfile")
_LOG_NAME = re.compile(r"\.(log|out|err)([-._]|$)")


def named(unit: str, properties: dict[str, str], served: list[str], files: Sequence[str] = ()) -> list[str]:
    """Folders, and files, that root's own files name for this app.

    properties: the unit's, from systemd.show(). served: folders that nginx's configuration names for this site; files:
    logs, sockets and a pid file that it or the server's command line names.
    """
    found = [os.path.join("/var/log", unit.rpartition(".")[0] or unit), *served, *files]
    for option, parent in _MADE_BY_SYSTEMD.items():
        found += [os.path.join(parent, name.partition(":")[0]) for name in properties.get(option, "").split()]
    found += [path.lstrip("-+") for path in systemd.words(properties.get("ReadWritePaths", ""))]
    words = systemd.exec_argv(properties.get("ExecStart", ""))
    found += [words[number + 1] for number, word in enumerate(words[:-1]) if word in _LOG_OPTIONS]
    found += [word.partition("=")[2] for word in words if word.startswith(tuple(f"{name}=" for name in _LOG_OPTIONS))]
    return sorted({os.path.normpath(path) for path in found if path.startswith("/")})


def objection_to_place(path: str, given: dict[str, Any]) -> str:
    """The same as OwnFolders.objection_to_place(), of a module's parameters `user`, `group`, `venv` and `folders`."""
    try:
        account = access.Account(given["user"], given.get("group") or None)
    except KeyError:
        return f"is for an account that does not exist: {given['user']}"
    return OwnFolders("", given.get("venv") or "", [], account, given["folders"]).objection_to_place(path)


@dataclass(frozen=True)
class OwnFolders:
    """An app's own folders. named: as named() gives it, or as a playbook says. Paths are absolute."""

    root: str
    venv: str
    env_files: list[str]
    account: access.Account
    named: list[str]

    def objection_to_log(self, log: str, target: str) -> str:
        """Why root must not give the account `target`, a log file or a folder above it; empty where it may."""
        try:
            path = safe_files.resolve(target)
            folder = path if target != log else os.path.dirname(path)
            status = os.lstat(folder)
        except OSError as error:
            return f"cannot be judged: {error}"
        if wrong := self._never(path):
            return wrong
        if self._is_named(folder):
            return ""
        can_write = self.account.may(status, access.WRITE | access.ENTER)
        if folder not in SHARED and (status.st_uid == self.account.uid or can_write):
            # An account that may write the folder could put another file in this one's place.
            return "" if not status.st_mode & stat.S_ISVTX else self._elsewhere()
        if log not in self.named and not self._is_below_own(folder):
            return self._elsewhere()
        if path != folder:
            return "" if log in self.named or _is_log(path, os.lstat(path)) else "is not a log by its name and mode"
        other = self._not_a_log(folder)
        return f"holds more than logs: {other}" if other else ""

    def objection_to_media(self, media: str) -> str:
        """Why root must not give the account all that is below a folder; empty where it may, or nothing is there."""
        try:
            path = safe_files.resolve(media)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"cannot be judged: {error}"
        if wrong := self._never(path):
            return wrong
        if self._is_named(path):
            return ""
        if not self._is_below_own(path):
            return self._elsewhere()
        program = next((entry.path for entry in safe_files.walk(path) if self._is_foreign_program(entry)), "")
        return f"holds programs that are not the app's: {program}" if program else ""

    def objection_to_database(self, path: str) -> str:
        """Why root must not give the account a file of a SQLite database, or their folder; empty where it may.

        path: absolute and real. It may in the app's own folders, and in a folder that is the account's.
        """
        if wrong := self._never(path):
            return wrong
        try:
            folder = path if os.path.isdir(path) else os.path.dirname(path)
            status = os.lstat(folder)
        except OSError as error:
            return f"cannot be judged: {error}"
        if self._is_named(folder) or self._is_below_own(path) or self._is_accounts(folder, status):
            return ""
        return self._elsewhere()

    def objection_to_place(self, place: str) -> str:
        """Why root must neither make nor remove `place`, a socket, its folder or a pid file; empty where it may.

        It may where root's files name it or something in it, and where the account could do so itself.
        """
        above = os.path.dirname(os.path.normpath(place))
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        try:
            folder = safe_files.resolve(above)
            status = os.lstat(folder)
        except OSError as error:
            return f"cannot be judged: {error}"
        path = os.path.join(folder, os.path.relpath(os.path.normpath(place), above))
        is_named = any(path in (item, os.path.dirname(item)) for item in map(os.path.realpath, self.named))
        # Right below a memory disk for all, such as /dev/shm, it is not the system's: any account makes one there.
        if is_named and os.path.dirname(path) == folder and filesystems.is_shared_memory(folder):
            return ""
        if wrong := self._never(path):
            return wrong
        if is_named:
            return ""
        return "" if self._is_accounts(folder, status) else self._elsewhere()

    def _never(self, path: str) -> str:
        """Why a path is never given away; empty where it may be."""
        if any(is_below(path, folder) for folder in SYSTEM):
            return "belongs to the system"
        if path in SHARED:
            return "is shared with others"
        held = [item for item in (self.root, self.venv, *self.env_files) if item and virtual_env.holds(path, item)]
        if held:
            return f"is or holds {held[0]}"
        if self.venv and is_below(path, os.path.realpath(self.venv)):
            return "is in the virtual environment"
        return "is git's" if ".git" in path.split(os.path.sep) else ""

    def _is_named(self, folder: str) -> bool:
        places = [os.path.realpath(path) for path in self.named]
        return any(place not in SHARED and is_below(folder, place) for place in places)

    def _is_accounts(self, folder: str, status: os.stat_result) -> bool:
        """Whether a folder is the account's, which could itself put anything in the place of what is there."""
        return folder not in SHARED and status.st_uid == self.account.uid and not status.st_mode & stat.S_ISVTX

    def _is_below_own(self, path: str) -> bool:
        return any(is_below(path, os.path.realpath(folder)) for folder in (self.root, self._home()) if folder)

    def _home(self) -> str:
        """The account's home, where it is this app's: its own, with the app in it, or a person's."""
        try:
            home = os.path.realpath(pwd.getpwuid(self.account.uid).pw_dir)
            own = os.stat(home).st_uid == self.account.uid and home not in SHARED
        except (KeyError, OSError):
            return ""
        return home if own and (is_below(home, "/home") or virtual_env.holds(home, self.root)) else ""

    def _not_a_log(self, folder: str) -> str:
        """The first thing in a folder that is neither a log, by its name and mode, nor the account's; empty: none."""
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if status.st_uid != self.account.uid and not _is_log(entry.name, status):
                    return entry.name
        return ""

    def _is_foreign_program(self, entry: safe_files.Entry) -> bool:
        program = bool(entry.mode & 0o111) or entry.path.endswith(".py")
        return not entry.is_dir and program and entry.st.st_uid != self.account.uid

    def _elsewhere(self) -> str:
        return "is outside of the app's own folders, and neither the unit nor nginx names it"


def _is_log(path: str, status: os.stat_result) -> bool:
    """Whether a file has the name of a log, rotated ones included, and cannot be run."""
    name = os.path.basename(path)
    return stat.S_ISREG(status.st_mode) and not status.st_mode & 0o111 and bool(_LOG_NAME.search(name))
