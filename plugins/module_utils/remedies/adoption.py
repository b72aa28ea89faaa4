# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give an app's account the files of a number that is not an account of this host: those, and only their owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import access, owned_entries
from ansible_collections.rescue502.django.plugins.module_utils.files.owned_entries import Folder, Numbers
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.stack import unowned_files
from ansible_collections.rescue502.django.plugins.module_utils.system import absent_ids, filesystems


class AdoptionError(Exception):
    """Nothing may be given to the account; the text says why."""


@dataclass
class Adoption:
    """What is to be given, by folder, and what is left: {path, objection}."""

    wanted: list[Folder] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)

    def paths(self) -> list[str]:
        """All that is to be given."""
        return [f"{folder.path.rstrip('/')}/{entry.name}" for folder in self.wanted for entry in folder.entries]

    def note(self) -> None:
        """Record what is about to be changed. Raises OSError where that cannot be."""
        undo_log.note(*self._notes())

    def _notes(self) -> Iterator[undo_log.Entry]:
        for folder in self.wanted:
            pairs = sorted({(entry.before, entry.after) for entry in folder.entries})
            for before, after in pairs:
                names = [entry.name for entry in folder.entries if (entry.before, entry.after) == (before, after)]
                yield undo_log.owners(folder.path, names, before, after)

    def apply(self) -> list[str]:
        """Change the owners: what could not be, each with the reason."""
        failed = []
        for folder in self.wanted:
            for entry in folder.entries:
                try:
                    owned_entries.give(folder.path, entry)
                except OSError as error:
                    failed.append(f"{folder.path}/{entry.name}: {error.strerror or error}")
        return failed


def judge(given: dict[str, Any]) -> Adoption:
    """What may be given. given: the module's parameters. Raises AdoptionError, OSError."""
    numbers = _numbers(given)
    adoption, mounts = Adoption(), frozenset(filesystems.mount_points())
    for top in sorted(set(given["folders"])):
        if unowned_files.place(top) != top:
            raise AdoptionError(f"{top} is not there, is a link, shared with others, or the system's")
        for folder in owned_entries.find(top, numbers, mounts):
            kept = []
            for entry in folder.entries:
                if why := entry.objection or ("" if given["doubtful"] else entry.doubt):
                    adoption.refused.append({"path": f"{folder.path}/{entry.name}", "objection": why})
                else:
                    kept.append(entry)
            if kept:
                adoption.wanted.append(Folder(folder.path, kept))
    return adoption


def _numbers(given: dict[str, Any]) -> Numbers:
    """The numbers, judged anew: an account may have been made, or a directory be back, since the host was looked at."""
    uid, gid = given["uid"], given["gid"]
    try:
        account = access.Account(given["user"], given["group"] or None)
    except KeyError as error:
        raise AdoptionError(f"no such account: {error.args[0]}") from error
    if not unowned_files.may_be_lost(uid, account):
        raise AdoptionError(f"uid {uid} can be the system's, a container's, or that of a process that runs")
    _require_absent("passwd", uid, f"uid {uid}", given["doubtful"])
    if gid:
        if not absent_ids.is_of_an_account(gid):
            raise AdoptionError(f"gid {gid} can be the system's or a container's")
        _require_absent("group", gid, f"gid {gid}", given["doubtful"])
    return Numbers(uid, gid or None, account.uid, unowned_files.new_group(account, uid, gid))


def _require_absent(database: str, number: int, what: str, doubtful: bool) -> None:
    answer = absent_ids.look_up(database, number)
    if answer == absent_ids.KNOWN:
        raise AdoptionError(f"{what} is known on this host")
    if answer == absent_ids.UNKNOWN:
        raise AdoptionError(f"whether {what} is known cannot be said: the name service does not answer")
    if answer == absent_ids.ABSENT_HERE and not doubtful:
        raise AdoptionError(f"{what} may be known elsewhere: a service of nsswitch.conf does not show all accounts")
