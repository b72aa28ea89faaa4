# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take back what an incident's remedies changed, the last change first, and only what is still as they left it."""

from __future__ import annotations

import grp
import hashlib
import os
import secrets
import stat
import subprocess
from collections.abc import Callable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils import tree, tree_copy, undo
from ansible_collections.rescue502.django.plugins.module_utils.beside import Beside
from ansible_collections.rescue502.django.plugins.module_utils.checkout import GitError, git

UNIT_FOLDERS = ("/etc/systemd/system/", "/run/systemd/system/")
NGINX = "/etc/nginx/"
TIMEOUT = 60.0
Entry = undo.Entry


class LeftError(Exception):
    """An entry is not taken back; the text says why."""


def take_back(incident: str, dry: bool) -> dict[str, Any]:
    """Walk an incident's record backwards. dry: change nothing.

    Returns {undone, left: [{what, why}], by_hand: [{what, by_hand}], reload_nginx}; `undone` tells what each thing that
    was changed is again. Raises FileNotFoundError where this host has no such record.
    """
    entries = undo.read(incident)
    over = {entry["of"] for entry in entries if entry["kind"] == "undone"}
    undone: dict[tuple[str, ...], str] = {}
    left, restored = [], []
    for number, entry in reversed(list(enumerate(entries))):
        if number in over or entry["kind"] not in _KINDS:
            continue
        subject = tuple(str(entry.get(name, "")) for name in ("kind", "path", "checkout", "unit", "user", "group"))
        try:
            # In a dry run a later change of the same thing still stands, and was told already.
            changed = (dry and subject in undone) or _KINDS[entry["kind"]](entry, dry)
        except (LeftError, GitError, OSError, KeyError) as error:
            left.append({"what": describe(entry), "why": str(error)})
            continue
        if changed:
            undone[subject] = describe(entry)
            restored.append(entry)
        if not dry:
            undo.mark_undone(incident, number)
    if not dry and any(entry.get("path", "").startswith(UNIT_FOLDERS) for entry in restored):
        _run("systemctl", "daemon-reload")
    return {
        "undone": list(undone.values()),
        "left": left,
        "by_hand": [
            {"what": entry["what"], "by_hand": entry["by_hand"]}
            for entry in reversed(entries)
            if entry["kind"] == "irreversible"
        ],
        "reload_nginx": any(
            entry["kind"] == "membership" or entry.get("path", "").startswith(NGINX) for entry in restored
        ),
    }


def describe(entry: Entry) -> str:
    """What is taken back, in a few words."""
    before, nothing = entry.get("before"), "it was not there"
    if entry["kind"] == "owner_and_mode" and before:
        return f"{entry['path']}: owner {before[0]}:{before[1]}, mode {before[2]:04o}"
    return {
        "file": f"{entry.get('path')}: {'its content' if before else nothing}",
        "folder": f"{entry.get('path')}: {nothing}",
        "environment": f"{entry.get('path')}: {'the one before' if entry.get('kept_at') else nothing}",
        "commit": f"{entry.get('checkout')}: commit {before}",
        "unit": f"{entry.get('unit')}: {before}",
        "membership": f"{entry.get('user')}: no member of the group {entry.get('group')}",
    }.get(entry["kind"], entry["kind"])


def _owner_and_mode(entry: Entry, dry: bool) -> bool:
    descriptor = tree.open_entry(entry["path"])
    try:
        status = os.fstat(descriptor)
        now = [status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)]
        before, after = list(entry["before"]), entry["after"]
        if stat.S_ISREG(status.st_mode):
            # What is in the file may be another one's by now: it must not run as its owner again.
            before[2] &= 0o1777 | now[2]
        if now == before:
            return False
        # A remedy that was cut off may have changed one and not yet the others.
        if any(value not in pair for value, pair in zip(now, zip(before, after))):
            raise LeftError(f"it was changed since: owner {now[0]}:{now[1]}, mode {now[2]:04o}")
        if not dry:
            os.fchown(descriptor, before[0], before[1])
            os.fchmod(descriptor, before[2])
    finally:
        os.close(descriptor)
    return True


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
        tree.remove(path)
    return True


def _digest(path: str) -> str | None:
    """The digest of a regular file's content; None where there is none. Raises OSError where a link leads to it."""
    try:
        descriptor = tree.open_entry(path)
    except FileNotFoundError:
        return None
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "rb") as file:
        for part in iter(lambda: file.read(2**20), b""):
            digest.update(part)
    return digest.hexdigest()


def _put_back(path: str, before: Entry) -> None:
    """Put what was kept in its place in one step, as its owner's."""
    content = tree.read_bytes(before["saved_at"], undo.MOST_BYTES)
    folder, name = os.path.split(path)
    parent = tree.open_folder(folder)
    try:
        part = f".{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(part, flags, 0o600, dir_fd=parent), "wb") as file:
            file.write(content)
            file.flush()
            os.utime(file.fileno(), ns=(before["time"], before["time"]))
            os.fchown(file.fileno(), *before["owner"])
            os.fchmod(file.fileno(), before["mode"] & 0o1777)
            os.fsync(file.fileno())
        os.rename(part, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        os.close(parent)


def _folder(entry: Entry, dry: bool) -> bool:
    if not os.path.lexists(entry["path"]):
        return False
    if not dry:
        try:
            tree.remove(entry["path"])
        except OSError as error:
            raise LeftError("there is something in it now") from error
    return True


def _environment(entry: Entry, dry: bool) -> bool:
    path, kept = entry["path"], entry["kept_at"]
    if kept and not os.path.isdir(kept):
        raise LeftError(f"{kept} is gone")
    there = os.path.lexists(path)
    if not kept and not there:
        return False
    if there and tree_copy.stamp(path) != entry["after"]:
        raise LeftError("it was changed since" + (f"; the one before is {kept}" if kept else ""))
    if not dry:
        with Beside(path) as beside:
            beside.put_back(os.path.basename(kept))
    return True


def _commit(entry: Entry, dry: bool) -> bool:
    top, before, branch = entry["checkout"], entry["before"], entry["branch"]
    if git(top, "rev-parse", "HEAD") != entry["after"]:
        if git(top, "rev-parse", "HEAD") == before:
            return False
        raise LeftError("the checkout is at another commit by now")
    if git(top, "status", "--porcelain", "--untracked-files=no"):
        raise LeftError("tracked files were edited since")
    if not entry["moved"] and branch and git(top, "rev-parse", branch) != before:
        raise LeftError(f"the branch {branch} is at another commit by now")
    if dry:
        return True
    if entry["moved"]:
        git(top, "reset", "--hard", "--quiet", before)
    else:
        git(top, "checkout", "--quiet", *([branch] if branch else ["--detach", before]))
    if entry["mark"]:
        git(top, "branch", "--quiet", "-D", entry["mark"])
    return True


def _unit(entry: Entry, dry: bool) -> bool:
    unit, before = entry["unit"], entry["before"]
    # What is-enabled says is no error, whatever its status.
    now = _run("systemctl", "is-enabled", "--", unit, must=False)
    words = {"disabled": ["disable"], "masked": ["mask"], "masked-runtime": ["mask", "--runtime"]}.get(before)
    if now == before or not words:
        return False
    if not dry:
        _run("systemctl", *words, "--", unit)
    return True


def _membership(entry: Entry, dry: bool) -> bool:
    if entry["user"] not in grp.getgrnam(entry["group"]).gr_mem:
        return False
    if not dry:
        _run("gpasswd", "--delete", entry["user"], entry["group"])
    return True


def _run(*words: str, must: bool = True) -> str:
    """What a command of the system's prints. Raises LeftError where it fails and must is true."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode and must:
        raise LeftError(f"{' '.join(words)}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


_KINDS: dict[str, Callable[[Entry, bool], bool]] = {
    "owner_and_mode": _owner_and_mode,
    "file": _file,
    "folder": _folder,
    "environment": _environment,
    "commit": _commit,
    "unit": _unit,
    "membership": _membership,
}
