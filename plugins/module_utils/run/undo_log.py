# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The log of what an incident's remedies change on this host, written before each change, so that it can be taken back.

Each note is a line that is on the disk before its function returns. A task that belongs to no incident notes nothing.
Every function raises OSError where nothing can be recorded: then nothing may be changed. Paths are absolute and real.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd
import shutil
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import posix_acl, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

FOLDER, RECORD, KEPT = "undo", "record.jsonl", "kept"
# Of so many incidents the records are kept, with what they put aside.
INCIDENTS = 20
# The largest file of which the content is kept.
MOST_BYTES = 64 * 2**20
Entry = dict[str, Any]


def recording() -> bool:
    """Whether this task belongs to an incident."""
    return bool(state_directory.incident())


def note(*entries: Entry) -> None:
    """Append to the record of this task's incident."""
    if entries and recording():
        # Begun with a newline: the line before may have been cut short by a power cut.
        marked = tuple({**entry, "remedy": state_directory.remedy()} for entry in entries)
        _append(state_directory.made(FOLDER, _begun(state_directory.incident())), marked)


def owner_and_mode(
    path: str,
    owner: int,
    group: int,
    mode: int,
    acl: posix_acl.Acl | None = None,
    status: os.stat_result | None = None,
) -> Entry:
    """A file or folder is about to get this owner, group and mode, and an access control list unless that is None.

    status: of its descriptor, where it is open: by its path it may be another one by now.
    """
    status = status or os.lstat(path)
    before = [status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)]
    lists = {} if acl is None else {"acl": [posix_acl.read(path), acl]}
    return {"kind": "owner_and_mode", "path": path, "before": before, "after": [owner, group, mode], **lists}


def owners(folder: str, names: list[str], before: tuple[int, int], after: tuple[int, int]) -> Entry:
    """Entries of a folder, links among them, are about to get another owner and group; their modes stay."""
    return {"kind": "owners", "path": folder, "names": names, "before": list(before), "after": list(after)}


def note_file(path: str, after: bytes | None) -> None:
    """A regular file is about to be made, written with `after`, or removed (None). What was in it is kept."""
    if recording():
        digest = None if after is None else hashlib.sha256(after).hexdigest()
        note({"kind": "file", "path": path, "before": _kept(path), "after": digest})


def note_folder(path: str) -> None:
    """A folder is about to be made, unless it is there."""
    if not os.path.lexists(path):
        note({"kind": "folder", "path": path})


def note_unit(unit: str) -> None:
    """A unit is about to be enabled, or unmasked."""
    if recording():
        (facts,) = systemd.show_many([unit], ["UnitFileState"]) or [{}]
        note({"kind": "unit", "unit": unit, "before": facts.get("UnitFileState", "")})


def note_membership(user: str, group: str) -> None:
    """An account is about to be made a member of a group, unless it is one. Raises KeyError where either is unknown."""
    members = grp.getgrnam(group)
    if user not in members.gr_mem and pwd.getpwnam(user).pw_gid != members.gr_gid:
        note({"kind": "membership", "user": user, "group": group})


def note_irreversible(what: str, by_hand: str = "") -> None:
    """Something is about to be done that cannot be taken back; by_hand: what a person can do about it.

    There is nothing to restore from such a note, so a full disk does not keep anybody from making room.
    """
    with contextlib.suppress(OSError):
        note({"kind": "irreversible", "what": what, "by_hand": by_hand})


def mark_undone(incident: str, number: int) -> None:
    """The entry of this number was taken back."""
    _append(os.path.join(state_directory.STATE, FOLDER, incident), ({"kind": "undone", "of": number},))


def read(incident: str) -> list[Entry]:
    """The record of an incident, in the order in which it was written; a line that was cut short is passed over.

    Raises FileNotFoundError where this host has none.
    """
    entries = []
    path = os.path.join(state_directory.STATE, FOLDER, incident, RECORD)
    for line in safe_files.read_bytes(path, 2**28).decode(errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return [entry for entry in entries if isinstance(entry, dict)]


def known() -> list[str]:
    """The incidents that this host has a record of, the oldest first; their names sort by time."""
    try:
        return sorted(os.listdir(os.path.join(state_directory.STATE, FOLDER)))
    except FileNotFoundError:
        return []


def _begun(incident: str) -> str:
    """The incident, whose folder is about to be made; the oldest make room for it, but those that keep a content."""
    folder, others = state_directory.made(FOLDER), known()
    if incident not in others:
        old = others[: max(0, len(others) - INCIDENTS + 1)]
        for name in (name for name in old if not os.path.lexists(os.path.join(folder, name, KEPT))):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    return incident


def _append(folder: str, entries: tuple[Entry, ...]) -> None:
    text = "".join(f"\n{json.dumps(entry)}" for entry in entries)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(os.path.join(folder, RECORD), flags, 0o600), "a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _flush_folder(folder)


def _kept(path: str) -> Entry | None:
    """A copy of a file's content in root's own folder, with its owner, mode and time; None where there is no file."""
    try:
        descriptor = safe_files.open_entry(path)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status, content = os.fstat(descriptor), file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(f"{path} is too large to be kept")
    folder = state_directory.made(FOLDER, _begun(state_directory.incident()), KEPT)
    saved = os.path.join(folder, str(len(os.listdir(folder))))
    with os.fdopen(os.open(saved, safe_files.NEW, 0o600), "wb") as copy:
        copy.write(content)
        copy.flush()
        os.fsync(copy.fileno())
    _flush_folder(folder)
    return {
        "saved_at": saved,
        "digest": hashlib.sha256(content).hexdigest(),
        "owner": [status.st_uid, status.st_gid],
        "mode": stat.S_IMODE(status.st_mode),
        "time": status.st_mtime_ns,
    }


def _flush_folder(folder: str) -> None:
    """Have a folder's entries on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
