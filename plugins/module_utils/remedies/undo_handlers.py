# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each kind of entry of an undo record is taken back: only where things are still as the remedy left them.

Each takes an entry and whether to change nothing, and returns whether that thing was not as before. Raises LeftError,
or GitError, OSError, KeyError, where it is left alone. The record is root's own, but what its paths lead to by now may
be anybody's: no link is followed.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import stat
import subprocess
from collections.abc import Callable

from ansible_collections.rescue502.django.plugins.module_utils.files import (
    hard_links,
    hardlink_copy,
    owned_entries,
    posix_acl,
    safe_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.files.directory_handle import OpenFolder
from ansible_collections.rescue502.django.plugins.module_utils.remedies import old_venvs
from ansible_collections.rescue502.django.plugins.module_utils.remedies.venv_swap import StagedVenv
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout
from ansible_collections.rescue502.django.plugins.module_utils.system import processes

TIMEOUT = 60.0
Entry = undo_log.Entry


class LeftError(Exception):
    """An entry is not taken back; the text says why."""


def _owner_and_mode(entry: Entry, dry: bool) -> bool:
    try:
        descriptor = safe_files.open_entry(entry["path"])
    except FileNotFoundError:
        # What is gone has no owner: SQLite itself removes its log once that is in the database.
        return False
    try:
        status = os.fstat(descriptor)
        now = [status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)]
        before, after = list(entry["before"]), entry["after"]
        if stat.S_ISREG(status.st_mode):
            hard_links.require_own_name(entry["path"], status)
            # What is in the file may be another one's by now: it must not run as its owner again.
            before[2] &= 0o1777 | now[2]
        lists = [sorted(posix_acl.Entry(*each) for each in acl) for acl in entry.get("acl", ())]
        acl = sorted(posix_acl.read(descriptor))
        if now == before and acl in (lists[:1] or [acl]):
            return False
        if lists and acl not in lists:
            raise LeftError("its access control list was changed since")
        # A remedy that was cut off may have changed one and not yet the others.
        if any(value not in pair for value, pair in zip(now, zip(before, after))):
            raise LeftError(f"it was changed since: owner {now[0]}:{now[1]}, mode {now[2]:04o}")
        if not dry:
            if lists:
                posix_acl.write(descriptor, tuple(lists[0]))
            os.fchown(descriptor, before[0], before[1])
            os.fchmod(descriptor, before[2])
    finally:
        os.close(descriptor)
    return True


def _owners(entry: Entry, dry: bool) -> bool:
    before, after = tuple(entry["before"]), tuple(entry["after"])
    done, left = owned_entries.take_back(entry["path"], entry["names"], before, after, dry)
    if left:
        raise LeftError(f"the owner was changed since, of {', '.join(left[:5])}")
    return bool(done)


def _file(entry: Entry, dry: bool) -> bool:
    path, before = entry["path"], entry["before"]
    now = _digest(path)
    if now == (before["digest"] if before else None):
        return False
    if now != entry["after"]:
        raise LeftError("it is gone" if now is None else "it was changed since")
    if dry:
        return True
    if before:
        _put_back(path, before)
    else:
        safe_files.remove(path)
    return True


def _digest(path: str) -> str | None:
    """The digest of a regular file's content; None where there is none. Raises OSError where a link leads to it."""
    try:
        descriptor = safe_files.open_entry(path)
    except FileNotFoundError:
        return None
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "rb") as file:
        for part in iter(lambda: file.read(2**20), b""):
            digest.update(part)
    return digest.hexdigest()


def _put_back(path: str, before: Entry) -> None:
    """Put what was kept in its place in one step, as its owner's."""
    content = safe_files.read_bytes(before["saved_at"], undo_log.MOST_BYTES)
    folder, name = os.path.split(path)
    with contextlib.closing(OpenFolder(folder)) as parent:
        uid, gid = before["owner"]
        parent.write(name, content, (uid, gid), before["mode"] & 0o1777, changed=before["time"])


def _folder(entry: Entry, dry: bool) -> bool:
    if not os.path.lexists(entry["path"]):
        return False
    if processes.has_files_below(entry["path"]):
        # gunicorn's workers delete theirs at once; without the folder the next worker ends the whole server.
        raise LeftError("a process has files of it open")
    if not dry:
        try:
            safe_files.remove(entry["path"])
        except OSError as error:
            raise LeftError("there is something in it now") from error
    return True


def _environment(entry: Entry, dry: bool) -> bool:
    path, kept = entry["path"], old_venvs.find(entry["kept_at"]) if entry["kept_at"] else ""
    if entry["kept_at"] and not kept:
        raise LeftError(f"{entry['kept_at']} is gone")
    there = os.path.lexists(path)
    if not kept and not there:
        return False
    if there and hardlink_copy.stamp(path) != entry["after"]:
        raise LeftError("it was changed since" + (f"; the one before is {kept}" if kept else ""))
    if not dry:
        with StagedVenv(path) as staged:
            staged.put_back(os.path.basename(kept))
    return True


def _commit(entry: Entry, dry: bool) -> bool:
    before, branch = entry["before"], entry["branch"]
    checkout = Checkout(entry["checkout"])
    git = checkout.git
    if git("rev-parse", "HEAD") != entry["after"]:
        if git("rev-parse", "HEAD") == before:
            return False
        raise LeftError("the checkout is at another commit by now")
    if git("status", "--porcelain", "--untracked-files=no"):
        raise LeftError("tracked files were edited since")
    if not entry["moved"] and branch and git("rev-parse", branch) != before:
        raise LeftError(f"the branch {branch} is at another commit by now")
    if why := checkout.objection_to_change():
        raise LeftError(why)
    if dry:
        return True
    if entry["moved"]:
        git("reset", "--hard", "--quiet", before)
    else:
        git("checkout", "--quiet", *([branch] if branch else ["--detach", before]))
    if entry["mark"]:
        git("branch", "--quiet", "-D", entry["mark"])
    return True


def _unit(entry: Entry, dry: bool) -> bool:
    unit, before = entry["unit"], entry["before"]
    # What is-enabled says is not an error, whatever its status.
    now = run("systemctl", "is-enabled", "--", unit, must=False)
    words = {"disabled": ["disable"], "masked": ["mask"], "masked-runtime": ["mask", "--runtime"]}.get(before)
    if now == before or not words:
        return False
    if not dry:
        run("systemctl", *words, "--", unit)
    return True


def _membership(entry: Entry, dry: bool) -> bool:
    if entry["user"] not in grp.getgrnam(entry["group"]).gr_mem:
        return False
    if not dry:
        run("gpasswd", "--delete", entry["user"], entry["group"])
    return True


def run(*words: str, must: bool = True) -> str:
    """The output of a command of the system's. Raises LeftError where it fails and must is true."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode and must:
        raise LeftError(f"{' '.join(words)}: {(done.stderr.strip() or done.stdout.strip())[-300:]}")
    return done.stdout.strip()


KINDS: dict[str, Callable[[Entry, bool], bool]] = {
    "owner_and_mode": _owner_and_mode,
    "owners": _owners,
    "file": _file,
    "folder": _folder,
    "environment": _environment,
    "commit": _commit,
    "unit": _unit,
    "membership": _membership,
}
