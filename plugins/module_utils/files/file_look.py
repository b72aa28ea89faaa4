# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app's files by part, on behalf of its account: what the kernel denies it, and what would repair that."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import disclosure, least_change, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.files.access import (
    ENTER,
    GLANCE,
    READ,
    SKIP_NAMES,
    WRITE,
    Account,
)
from ansible_collections.rescue502.django.plugins.module_utils.files.kernel_access import KernelAccess, Question

# What Python imports and a page is made of. What else lies among the code may be kept from the app on purpose.
CODE = (".py", ".so", ".html", ".css", ".js", ".mo")
# Parts in which what the account cannot read is opened to it.
OPENED = ("code", "media")
Violation = dict[str, Any]


@dataclass(frozen=True)
class Paths:
    """Where an app's files are. Empty where there is none, or it is not known."""

    root: str
    venv: str = ""
    media: str = ""
    env_files: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    # What the web server must reach: the app's socket, and its static files.
    proxy: list[str] = field(default_factory=list)


class Look:
    """One look at an app's files on behalf of its account, with a process that asks the kernel."""

    def __init__(
        self,
        account: Account,
        paths: Paths,
        limit: int,
        glance: bool = False,
        refused: list[str] | None = None,
        knows: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        """limit: how many of each part are wanted. refused: takes the folders that could not be looked into.

        knows: whether the content of a file is the app's own, as for disclosure.doubt().
        glance: the first files of code and media only, not those of the virtual environment, and those alone are
        asked about whose mode bits speak against it.
        """
        self.account, self.paths, self.limit, self.glance, self.refused = account, paths, limit, glance, refused
        self._knows = knows
        self._kernel = KernelAccess(account)

    def __enter__(self) -> Look:
        return self

    def __exit__(self, *raised: object) -> None:
        self._kernel.__exit__(*raised)

    def code(self, skip: frozenset[str]) -> list[Violation]:
        """Folders of code that cannot be listed and entered, files that cannot be read. skip: what is not code."""
        root = real(self.paths.root)
        entries = _code(list(self._walk(root, frozenset(map(os.path.realpath, skip)) - {root})))
        bad = self._denied([_reads(entry) for entry in entries])
        if not bad:
            return []
        denied = {question.path for question in bad}
        group = _group([entry for entry in entries if entry.path not in denied], self.account)
        return [self._violation("code", question, group) for question in bad]

    def venv(self) -> list[Violation]:
        """The virtual environment's folders and files that cannot be entered or read."""
        bad = self._denied([_reads(entry) for entry in self._walk(real(self.paths.venv), frozenset())])
        return [self._violation("code", question, self.account.gid) for question in bad]

    def media(self, only_one: bool) -> list[Violation]:
        """Folders of uploads that nothing can be put into, and uploads that cannot be read."""
        paths = self.paths
        apart = frozenset(os.path.realpath(path) for path in (paths.root, paths.venv, *paths.env_files) if path)
        top = real(paths.media)
        questions = [
            Question(entry.path, entry.st, READ | WRITE | ENTER if entry.is_dir else READ)
            for entry in _uploads(list(self._walk(top, apart - {top}, 1 if only_one else None)))
        ]
        return [self._violation("media", question, self.account.gid) for question in self._denied(questions)]

    def log(self, path: str) -> list[Violation]:
        """A log that cannot be appended to; where it is not there, a folder in which it cannot be made; those above."""
        above = [dict(item, part="logs") for item in self.above([path])]
        try:
            status, need = os.lstat(path), WRITE
        except FileNotFoundError:
            path, need = os.path.dirname(path), WRITE | ENTER
            try:
                status = os.lstat(path)
            except OSError:
                return above
        except OSError:
            return above
        if stat.S_ISLNK(status.st_mode):
            return above
        bad = self._denied([Question(path, status, need)])
        # Given the folder itself, the account can pass through it as well.
        rest = [item for item in above if not bad or item["path"] != path]
        return [*rest, *(self._violation("logs", question, self.account.gid) for question in bad)]

    def above(self, paths: list[str]) -> list[Violation]:
        """Folders above the given paths that the account cannot pass through."""
        folders: dict[str, Question] = {}
        for path in filter(None, paths):
            folder = os.path.dirname(path)
            while folder not in ("", "/") and folder not in folders:
                try:
                    folders[folder] = Question(folder, os.stat(folder), ENTER)
                except OSError:
                    break
                folder = os.path.dirname(folder)
        return [self._violation("parents", question, None) for question in self._denied(list(folders.values()))]

    def env_file(self, path: str) -> list[Violation]:
        """A file of secrets that everybody can read."""
        try:
            status = os.lstat(path)
        except OSError:
            return []
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISREG(status.st_mode) or not mode & 0o007:
            return []
        change = least_change.without_others(path, status, self.account, self.account.gid)
        return [item(path, "env_file", "can be read by everybody", status, change, self.account)]

    def _walk(self, top: str, skip: frozenset[str], many: int | None = None) -> Iterator[safe_files.Entry]:
        many = many or (GLANCE if self.glance else safe_files.MANY)
        return safe_files.walk(top, skip_names=SKIP_NAMES, skip=skip, many=many, refused=self.refused)

    def _denied(self, questions: list[Question]) -> list[Question]:
        if self.glance:
            questions = [each for each in questions if not self.account.may(each.status, each.need)]
        return self._kernel.denied(questions)[: self.limit]

    def _violation(self, part: str, question: Question, group: int | None) -> Violation:
        path, status, need = question
        change = least_change.choose(path, status, self.account, need, group)
        problem = least_change.described(need, stat.S_ISDIR(status.st_mode))
        found = item(path, part, problem, status, change, self.account)
        opened = part in OPENED and not self.account.may(status, need & ~WRITE)
        doubt = disclosure.doubt(path, status, self.account, self._knows) if opened else ""
        return {**found, "doubt": doubt} if doubt else found


def item(
    path: str, part: str, problem: str, status: os.stat_result, change: least_change.Change | str, who: Account
) -> Violation:
    """One violation as data. change: what would repair it, or the text that says why nothing would."""
    objection = change if isinstance(change, str) else ""
    mode = stat.S_IMODE(status.st_mode)
    wanted = change if not isinstance(change, str) else least_change.Change(status.st_uid, status.st_gid, mode)
    item = {
        "path": path,
        "part": part,
        "problem": f"{problem} (mode {mode:04o}, uid {status.st_uid})",
        "owner": wanted.owner,
        "group": wanted.group,
        "mode": f"{wanted.mode:04o}",
        # Who repairs it must meet the very file that was judged, and no other in its place.
        "inode": status.st_ino,
    }
    if wanted.granted:
        bits = "".join(letter for bit, letter in ((READ, "r"), (WRITE, "w"), (ENTER, "x")) if wanted.granted & bit)
        item["acl"] = f"u:{who.uid}:{bits}"
    return {**item, "objection": objection} if objection else item


def _reads(entry: safe_files.Entry) -> Question:
    return Question(entry.path, entry.st, READ | ENTER if entry.is_dir else READ)


def _code(entries: list[safe_files.Entry]) -> list[safe_files.Entry]:
    """Of what lies below the app's folder: files of code, and the folders that lead to one."""
    if not entries:
        return []
    top = entries[0].path
    files = [entry for entry in entries if not entry.is_dir and entry.path.endswith(CODE)]
    folders = {top}
    for entry in files:
        folder = os.path.dirname(entry.path)
        while folder not in folders:
            folders.add(folder)
            folder = os.path.dirname(folder)
    return [*(entry for entry in entries if entry.is_dir and entry.path in folders), *files]


def _uploads(entries: list[safe_files.Entry]) -> list[safe_files.Entry]:
    """Of what lies below the folder of uploads, what is neither a file of secrets nor in a virtual environment."""
    venvs = {os.path.dirname(entry.path) + "/" for entry in entries if os.path.basename(entry.path) == "pyvenv.cfg"}
    uploads = [entry for entry in entries if not os.path.basename(entry.path).startswith(".env")]
    return [entry for entry in uploads if not venvs or not (entry.path + "/").startswith(tuple(venvs))]


def _group(healthy: list[safe_files.Entry], account: Account) -> int:
    """The group of most files that can be read, where the account is in it; else the account's own."""
    counted = Counter(entry.st.st_gid for entry in healthy if not entry.is_dir).most_common(1)
    return counted[0][0] if counted and counted[0][0] in account.groups else account.gid


def real(path: str) -> str:
    """The path that leads there without a link, where its links can be trusted: a release behind `current`."""
    try:
        return safe_files.resolve(path)
    except OSError:
        return path
