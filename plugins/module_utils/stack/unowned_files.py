# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app's files that belong to a number which is not an account of this host, as after a move from another one.

Where to look is root's to say: the home of the unit's account, the unit's folder, program, environment files, logs and
sockets, and what nginx serves. What the app's own settings name is not looked at.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, field

from ansible_collections.rescue502.django.plugins.module_utils.files import access, safe_files, virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_layout, own_folders
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import absent_ids, filesystems, systemd


@dataclass(frozen=True)
class Places:
    """Real paths that root's own files name for an app. home, root: empty where there is none that is its alone."""

    home: str
    root: str
    others: list[str] = field(default_factory=list)

    def all(self, uid: int) -> list[str]:
        """The outermost of them, without files of other owners. uid: of a file whose folder has it, the folder."""
        found = [self.home, self.root]
        for path in self.others:
            folder = place(os.path.dirname(path))
            if folder and owner(folder) == uid:
                found.append(folder)
            elif os.path.isdir(path) or owner(path) == uid:
                found.append(path)
        tops = sorted({path for path in found if path})
        return [path for path in tops if not any(filesystems.is_below(path, top) for top in tops if top != path)]


def places(stack: Stack, named: list[str]) -> Places:
    """What root's files name. named: as own_folders.named() gives it."""
    prefix = app_layout.prefix(stack.properties)
    files = [path for path, _optional in systemd.environment_file_paths(stack.properties.get("EnvironmentFiles", ""))]
    others = [*named, *files, *([prefix] if virtual_env.is_one(prefix) else [])]
    return Places(_home(stack.user), place(stack.word.cwd), [path for path in map(place, others) if path])


def place(path: str) -> str:
    """The real path of what may be an app's own; empty where it is not there, the system's, or shared with others."""
    try:
        found = safe_files.resolve(path) if path.startswith("/") else ""
    except OSError:
        return ""
    if not found or found in own_folders.SHARED or any(filesystems.is_below(found, top) for top in own_folders.SYSTEM):
        return ""
    return found if filesystems.keeps_own_numbers(found) else ""


def owner(path: str) -> int:
    """The number of a file's owner; -1 where it is not there."""
    try:
        return os.lstat(path).st_uid
    except OSError:
        return -1


def may_be_lost(uid: int, account: access.Account) -> bool:
    """Whether a number can be that of an account which is not here: no container's, and no process runs by it."""
    if uid == account.uid or account.uid == 0:
        return False
    return absent_ids.is_of_an_account(uid) and not absent_ids.is_in_use(uid)


def new_group(account: access.Account, uid: int, gid: int) -> int:
    """Which group's the files of a lost group become.

    One of the same number as its user was that user's own (useradd(8), USERGROUPS_ENAB), and becomes the account's own,
    though the unit may run it in another one. Nothing is opened to the members of that.
    """
    return pwd.getpwuid(account.uid).pw_gid if gid == uid else account.gid


def _home(user: str) -> str:
    """The account's home, where no other account of /etc/passwd has the same."""
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
        with open("/etc/passwd", encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").split(":") for line in file]
    except (KeyError, OSError):
        return ""
    shared = any(len(line) > 5 and line[5] == entry.pw_dir and line[0] != entry.pw_name for line in lines)
    return "" if shared else place(entry.pw_dir)
