# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SQLite's files that the app's account may not use though it must: the part `database` of what root gives it.

Whose a file is that lies next to a database its name does not say: who can write the folder chose that. So nothing is
given unless all of them are what SQLite keeps there, next to a database that the account may use anyhow, in a folder
of the app's, and nobody else has them open. The files of one database are given together, or none of them is.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.files import (
    file_look,
    hard_links,
    least_change,
    safe_files,
    unit_view,
)
from ansible_collections.rescue502.django.plugins.module_utils.files.access import ENTER, READ, WRITE, Account
from ansible_collections.rescue502.django.plugins.module_utils.files.file_look import Violation
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question
from ansible_collections.rescue502.django.plugins.module_utils.run import run_processes
from ansible_collections.rescue502.django.plugins.module_utils.services import sqlite_format, sqlite_generation
from ansible_collections.rescue502.django.plugins.module_utils.stack.own_folders import OwnFolders
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, processes

PART = "database"
_FOLDER = "/"
_ANYBODY_WRITES = 0o222
_COMMAND_CHARACTERS = 120


def find(databases: list[str], account: Account, own: OwnFolders, properties: dict[str, str]) -> list[Violation]:
    """Violations of the part `database`: what the account is refused of these databases, each file and folder once.

    databases: their absolute paths. properties: the unit's; of a place that it alone sees nothing is said. Where a
    database is missing, or a link that leads to it cannot be trusted, nothing is said either.
    """
    found: dict[str, Violation] = {}
    with KernelAccess(account) as kernel:
        for name in databases:
            if unit_view.is_own(name, properties):
                continue
            try:
                place = _Place(safe_files.resolve(name))
            except OSError:
                continue
            for item in _of_one(place, account, own, kernel):
                found.setdefault(item["path"], item)
    return list(found.values())


class _File(NamedTuple):
    """One of SQLite's files by what its name ends with, or their folder (_FOLDER), and its status: a link's own."""

    end: str
    path: str
    status: os.stat_result


class _Place:
    """A database that is there, and what lies next to it. Raises OSError."""

    def __init__(self, path: str) -> None:
        """path: the database's real path."""
        self.path, self.folder = path, os.path.dirname(path)
        self.files: list[_File] = []
        for end in sqlite_format.FILES:
            try:
                self.files.append(_File(end, path + end, os.lstat(path + end)))
            except FileNotFoundError:
                continue
        self.database = self.files[0].status
        if self.files[0].end != sqlite_format.DATABASE:
            raise FileNotFoundError(path)

    def refused(self, kernel: KernelAccess) -> list[_File]:
        """What the kernel refuses the account, the folder included; of a link, what it leads to is asked about."""
        folder = _File(_FOLDER, self.folder, os.lstat(self.folder))
        asked = {folder.path: folder}
        questions = [Question(folder.path, folder.status, WRITE | ENTER)]
        for file in self.files:
            try:
                target, status = os.path.realpath(file.path), os.stat(file.path)
            except OSError:
                continue
            asked[target] = file
            questions.append(Question(target, status, READ | WRITE))
        return [asked[question.path] for question in kernel.denied(questions)]


def _of_one(place: _Place, account: Account, own: OwnFolders, kernel: KernelAccess) -> list[Violation]:
    """The violations of one database. What speaks against one of them speaks against all: half of it helps nobody."""
    refused = place.refused(kernel)
    if not refused:
        return []
    found = [_violation(file, account) for file in refused]
    objection = _objection(place, refused, account, own) or next(
        (i["objection"] for i in found if "objection" in i), ""
    )
    if objection:
        return [{**item, "objection": objection} for item in found]
    doubt = _doubt(place, refused, account)
    return [{**item, "doubt": doubt} for item in found] if doubt else found


def _violation(file: _File, account: Account) -> Violation:
    # Of the folder SQLite makes do with less, but then it cannot have the disk keep what it has written (fsync(2)).
    need = READ | WRITE | ENTER if file.end == _FOLDER else READ | WRITE
    change = least_change.choose(file.path, file.status, account, need, account.gid)
    if file.end == sqlite_format.DATABASE and isinstance(change, least_change.Change) and file.status.st_uid == 0:
        # SQLite makes what it keeps next to a database with that one's mode, and as a file of the app's own.
        change = change._replace(mode=change.mode | 0o600)
    return file_look.item(
        file.path, PART, least_change.described(need, file.end == _FOLDER), file.status, change, account
    )


def _objection(place: _Place, refused: list[_File], account: Account, own: OwnFolders) -> str:
    """Why nothing of a database is given to the account, as the end of a sentence; empty where it may be."""
    for file in refused:
        if why := own.objection_to_database(file.path):
            return why
    try:
        for objection in (_objection_to_status, _objection_to_content):
            for file in place.files:
                if why := objection(file, place.files[0]):
                    return why if file in refused else f"lies next to {file.path}, which {why}"
    except OSError as error:
        return f"cannot be judged: {error.strerror or error}"
    return _held(place.files, account)


def _objection_to_status(file: _File, _database: _File) -> str:
    if not stat.S_ISREG(file.status.st_mode):
        return "is not a regular file"
    return "has another name elsewhere" if hard_links.has_other_names(file.status) else ""


def _objection_to_content(file: _File, of: _File) -> str:
    """The same of a regular file. of: the database."""
    with _opened(of) as opened:
        database = opened.read(sqlite_format.HEADER_BYTES)
    with _opened(file) as opened:
        header = opened.read(sqlite_format.HEADER_BYTES)
        if why := sqlite_format.objection(file.end, header, database):
            return why
        return sqlite_generation.objection(file.end, opened, database) if header else ""


@contextlib.contextmanager
def _opened(file: _File) -> Iterator[BinaryIO]:
    """The very file that was judged, for reading. Raises OSError where another one is in its place."""
    with os.fdopen(safe_files.open_entry(file.path), "rb") as opened:
        if not os.path.samestat(os.fstat(opened.fileno()), file.status):
            raise OSError("another file was put in its place")
        yield opened


def _held(files: list[_File], account: Account) -> str:
    """Which process of another account has one of the files open, as the end of a sentence; empty for none.

    What it writes by its own view of the log and what the app would write do not fit together.
    """
    wanted, own = {(file.status.st_dev, file.status.st_ino) for file in files}, run_processes.lineage()
    for pid, _descriptor, status in processes.open_files():
        if (status.st_dev, status.st_ino) not in wanted or pid in own:
            continue
        try:
            uid = Account.of_process(pid).uid
        except (OSError, ValueError, KeyError):
            continue
        if uid != account.uid:
            command = processes.command_line(pid)[:_COMMAND_CHARACTERS]
            return f"is open in process {pid} of {accounts.user_name(uid)} ({command})"
    return ""


def _doubt(place: _Place, refused: list[_File], account: Account) -> str:
    """Why to give the account what it is refused may be wrong, as the end of a sentence; empty where it cannot."""
    ends = {file.end for file in refused}
    status = place.database
    if sqlite_format.DATABASE in ends:
        if not status.st_mode & _ANYBODY_WRITES:
            return "may be kept from being written on purpose: its mode lets nobody write the database"
        # That the settings name it makes no other's database the app's.
        if status.st_uid != account.uid:
            return "may be somebody else's: the app neither owns the database nor may read and write it"
    if _FOLDER in ends and (more := _more_than_database(place)):
        return f"may be kept from the app on purpose: the folder holds {more} as well"
    return ""


def _more_than_database(place: _Place) -> str:
    """The first thing in the folder that is none of the database's files; empty where there is none."""
    own = {os.path.basename(file.path) for file in place.files}
    return next((name for name in sorted(os.listdir(place.folder)) if name not in own), "")
