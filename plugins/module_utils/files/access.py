# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may do what with a file, judged from owner, groups and mode without becoming anybody; and what repairs it."""

from __future__ import annotations

import os
import stat
from collections import Counter
from typing import Any, Protocol

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

READ, WRITE, ENTER = 4, 2, 1
# What a glance takes in: enough to see a deployment as the wrong user, little enough for a folder of a million uploads.
GLANCE = 2000
SKIP_NAMES = frozenset({".git", "node_modules", "__pycache__"})
Violation = dict[str, Any]


class Account:
    """An account's numbers, as the kernel compares them (path_resolution(7))."""

    def __init__(self, user: str, group: str | None) -> None:
        """Raises KeyError where user or group is unknown."""
        self.uid, self.gid, groups = accounts.account_ids(user, group or None)
        self.groups = {self.gid, *groups}

    @classmethod
    def of_process(cls, pid: int) -> Account:
        """Who a running process is now, whatever the accounts say since it started. Raises OSError, ValueError."""
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            lines = dict(line.rstrip("\n").split(":", 1) for line in file if ":" in line)
        account = cls.__new__(cls)
        account.uid, account.gid = int(lines["Uid"].split()[1]), int(lines["Gid"].split()[1])
        account.groups = {account.gid, *(int(word) for word in lines["Groups"].split())}
        return account

    def may(self, status: os.stat_result, wanted: int) -> bool:
        """Whether all of `wanted` (READ, WRITE, ENTER) is allowed on a file with this status."""
        if self.uid == 0:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.groups else 0
        return status.st_mode >> shift & wanted == wanted


class Own(Protocol):
    """Why root must not give the account what the app's own settings name; empty where it may. See own_folders.py."""

    def objection_to_log(self, log: str, target: str) -> str:
        """target: the log file, or a folder above it."""

    def objection_to_media(self, media: str) -> str:
        """media: the folder of uploads."""


def violations(
    root: str,
    venv: str,
    user: str,
    group: str | None,
    media_root: str,
    env_files: list[str],
    logs: list[str],
    parents_of: list[str],
    parts: list[str],
    limit: int,
    glance: bool = False,
    proxy_user: str = "",
    proxy_paths: list[str] | None = None,
    refused: list[str] | None = None,
    own: Own | None = None,
) -> list[Violation]:
    """What the app's account cannot do though it must, by part, at most `limit` of each part.

    proxy_user must pass through the folders above proxy_paths: nginx, on its way to a socket and to static files.

    Each is {path, part, problem, owner, group, mode, inode}: the numbers and octal mode wanted, and which file it is.
    Of logs and media {objection} too: why it must not be changed, which is left to a person; empty where it may be.
    A glance looks at the first files of code and media only, and not into the virtual environment.
    An account that does not exist violates nothing: that is another failure. Folders that could not be looked into
    are added to `refused`.
    """
    try:
        account = Account(user, group)
    except KeyError:
        return []
    found: list[Violation] = []
    # What is not an environment of its own holds files that are none of everybody's business.
    venv = "" if virtual_env.objection(venv, root) else venv
    many = GLANCE if glance else safe_files.MANY
    if "code" in parts:
        skip = frozenset(path for path in (venv, media_root, *env_files) if path)
        found += _code(root, skip, account, many, refused)[:limit]
        found += _venv(venv, account, refused)[:limit] if venv and not glance else []
    if "media" in parts and media_root:
        objection = own.objection_to_media(media_root) if own else ""
        bad = _media(media_root, account, 1 if objection else many, refused)[:limit]
        found += [dict(item, objection=objection) for item in bad]
    if "env_file" in parts:
        found += [item for path in env_files for item in _env_file(path, account)]
    if "logs" in parts:
        # What bars the way to the code as well is reported of the code.
        reported = {item["path"] for item in [*found, *_parents(parents_of, account)]}
        needed: dict[str, Violation] = {}
        for path in logs:
            for item in [item for item in _log(path, account) if item["path"] not in reported]:
                item["objection"] = own.objection_to_log(path, item["path"]) if own else ""
                known = needed.setdefault(item["path"], item)
                # One log needs its folder to be passed through, another one to be made there.
                if item["owner"] == account.uid and not item["objection"] and known["owner"] != account.uid:
                    needed[item["path"]] = item
        found += needed.values()
    if "parents" in parts:
        found += _parents(parents_of, account)
        found += _proxy_parents(proxy_user, proxy_paths or [], [item["path"] for item in found])
    return found


def _proxy_parents(user: str, paths: list[str], known: list[str]) -> list[Violation]:
    """Folders that the web server cannot pass through; without an account to judge for there are none."""
    try:
        account = Account(user, None)
    except KeyError:
        return []
    found = [item for item in _parents(paths, account) if item["path"] not in known]
    return [dict(item, problem=f"{user} of the web server: {item['problem']}") for item in found]


def _wanted(path: str, part: str, problem: str, judged: os.stat_result, owner: int, group: int, mode: int) -> Violation:
    return {
        "path": path,
        "part": part,
        "problem": problem,
        "owner": owner,
        "group": group,
        "mode": f"{mode:04o}",
        # Whoever repairs it must meet the very file that was judged, and no other in its place.
        "inode": judged.st_ino,
    }


def _code(root: str, skip: frozenset[str], account: Account, many: int, refused: list[str] | None) -> list[Violation]:
    """Folders that cannot be listed and entered, files that cannot be read; put right in the style of the others."""
    entries = list(safe_files.walk(root, skip_names=SKIP_NAMES, skip=skip, many=many, refused=refused))
    bad = [entry for entry in entries if not account.may(entry.st, READ | ENTER if entry.is_dir else READ)]
    if not bad:
        return []
    owner, group, private = _style([entry for entry in entries if entry not in bad], account)
    others = 0 if private else 0o005
    return [
        _wanted(
            entry.path,
            "code",
            f"{'cannot be entered' if entry.is_dir else 'cannot be read'} (mode {entry.mode:04o})",
            entry.st,
            owner,
            group,
            (0o750 | others) if entry.is_dir or entry.mode & 0o111 else (0o640 | others & 0o004),
        )
        for entry in bad
    ]


def _style(healthy: list[safe_files.Entry], account: Account) -> tuple[int, int, bool]:
    """(owner, group, whether others are kept out) of most healthy files; the account's own where there are too few."""
    files = [entry for entry in healthy if not entry.is_dir]
    if not files:
        return account.uid, account.gid, False
    (owner, group), _count = Counter((entry.st.st_uid, entry.st.st_gid) for entry in files).most_common(1)[0]
    private = sum(not entry.mode & stat.S_IROTH for entry in files) * 2 > len(files)
    return owner, group if group in account.groups or not private else account.gid, private


def _venv(venv: str, account: Account, refused: list[str] | None) -> list[Violation]:
    """The virtual environment: only what cannot be read or entered; what is executable stays so."""
    found = []
    for entry in safe_files.walk(venv, skip_names=SKIP_NAMES, refused=refused):
        if not account.may(entry.st, READ | ENTER if entry.is_dir else READ):
            mode = entry.mode | (0o555 if entry.is_dir or entry.mode & 0o111 else 0o444)
            problem = f"{'cannot be entered' if entry.is_dir else 'cannot be read'} (mode {entry.mode:04o})"
            found.append(_wanted(entry.path, "code", problem, entry.st, entry.st.st_uid, entry.st.st_gid, mode))
    return found


def _media(folder: str, account: Account, many: int, refused: list[str] | None) -> list[Violation]:
    """Folders below the media root, and itself, that cannot be written."""
    return [
        _wanted(
            entry.path,
            "media",
            f"cannot be written (mode {entry.mode:04o}, uid {entry.st.st_uid})",
            entry.st,
            account.uid,
            account.gid,
            0o775 if entry.is_dir else 0o664,
        )
        for entry in safe_files.walk(folder, many=many, refused=refused)
        if not account.may(entry.st, READ | WRITE | ENTER if entry.is_dir else READ | WRITE)
    ]


def _env_file(path: str, account: Account) -> list[Violation]:
    """A file of secrets that everybody can read. Where the account could read it before, it still can afterwards."""
    try:
        status = os.lstat(path)
    except OSError:
        return []
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode) or not mode & 0o007:
        return []
    own = status.st_uid == account.uid or status.st_gid in account.groups
    group = status.st_gid if own else account.gid
    problem = f"can be read by everybody (mode {mode:04o})"
    return [_wanted(path, "env_file", problem, status, status.st_uid, group, 0o640)]


def _log(path: str, account: Account) -> list[Violation]:
    """A log that cannot be reached or appended to; where it is not there, a folder in which it cannot be made."""
    found = [dict(item, part="logs") for item in _parents([path], account)]
    try:
        status = os.lstat(path)
        needed = WRITE
    except FileNotFoundError:
        path = os.path.dirname(path)
        try:
            status = os.lstat(path)
        except OSError:
            return found
        needed = WRITE | ENTER
    except OSError:
        return found
    if stat.S_ISLNK(status.st_mode) or account.may(status, needed):
        return found
    mode = stat.S_IMODE(status.st_mode)
    problem = f"cannot be written (mode {mode:04o}, uid {status.st_uid})"
    wanted = mode | (0o700 if needed & ENTER else 0o600)
    # Given the folder itself, the account can pass through it as well.
    found = [item for item in found if item["path"] != path]
    return [*found, _wanted(path, "logs", problem, status, account.uid, account.gid, wanted)]


def _parents(paths: list[str], account: Account) -> list[Violation]:
    """Folders above the given paths that the account cannot pass through."""
    found: dict[str, Violation] = {}
    for path in paths:
        folder = os.path.dirname(path) if path else ""
        while folder not in ("", "/"):
            try:
                status = os.stat(folder)
            except OSError:
                break
            if not account.may(status, ENTER):
                mode = stat.S_IMODE(status.st_mode)
                bit = 0o100 if status.st_uid == account.uid else 0o010 if status.st_gid in account.groups else 0o001
                problem = f"cannot be passed through (mode {mode:04o})"
                found[folder] = _wanted(folder, "parents", problem, status, status.st_uid, status.st_gid, mode | bit)
            folder = os.path.dirname(folder)
    return list(found.values())
