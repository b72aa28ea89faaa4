# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dump a SQLite database: a copy of its file as of one moment, made by SQLite itself as the app's user."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile

from ansible_collections.rescue502.django.plugins.module_utils.django_app.manage_command import App
from ansible_collections.rescue502.django.plugins.module_utils.files import system_python
from ansible_collections.rescue502.django.plugins.module_utils.remedies.database_dump import (
    DumpError,
    Source,
    while_stopped,
)
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

# On the disk rather than in memory, where a copy may be too large.
TEMPORARY = "/var/tmp"
# SQLite writes to a file by its path, and the app's user may not enter root's folder: so it makes a copy of its own and
# prints that. Root opens nothing that the app's user can rearrange.
_SCRIPT = """
import os, shutil, sqlite3, sys, urllib.parse
source, folder = sys.argv[1:3]
copy = os.path.join(folder, "copy")
old = sqlite3.connect("file:" + urllib.parse.quote(source) + "?mode=rw", uri=True, timeout=30)
new = sqlite3.connect(copy)
old.backup(new)
new.close()
with open(copy, "rb") as file:
    shutil.copyfileobj(file, sys.stdout.buffer)
"""


class SQLite(Source):
    """The app's database, in a file."""

    def __init__(self, app: App, settings: dict[str, str]) -> None:
        """settings: from app_settings.database()."""
        self.app = app
        self.path = os.path.join(app.given["root"], settings["name"])
        self.identity = {"engine": "sqlite3", "host": "", "port": "", "name": self.path}

    def size(self) -> int:
        """Bytes of the file and of its write-ahead log. DumpError where there is no such file."""
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise DumpError(f"{self.path}: {error.strerror}") from error
        if not stat.S_ISREG(status.st_mode):
            raise DumpError(f"{self.path} is not a file")
        # What was written last is still in its -wal file.
        log = f"{self.path}-wal"
        return status.st_size + (os.path.getsize(log) if os.path.exists(log) else 0)

    def places(self, size: int) -> dict[str, int]:
        """A copy is made in the folder for temporary files first."""
        return {TEMPORARY: size}

    def write(self, descriptor: int, seconds: float) -> None:
        """Write a consistent copy, made as the app's user. DumpError where that fails or takes longer."""
        given = self.app.given
        user, group = given["user"], given["group"] or None
        python = os.path.join(given["venv"], "bin", "python") if given["venv"] else system_python.path()
        folder = tempfile.mkdtemp(prefix="rescue502-dump-", dir=TEMPORARY)
        try:
            uid, gid, _groups = accounts.account_ids(user, group)
            os.chown(folder, uid, gid)
            words = [python, "-c", _SCRIPT, self.path, folder]
            done = commands.run_as(user, group, words, {"PATH": "/usr/bin:/bin"}, "/", seconds, output=descriptor)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if done.timed_out:
            raise DumpError(f"{self.path} was not copied within {seconds:g} s")
        if done.returncode:
            raise DumpError((done.stderr.strip().splitlines() or ["it was not copied"])[-1][:300])

    def restore(self, path: str) -> str:
        """A command that writes the file anew as the app's user, without the logs of the old one."""
        as_user = ["runuser", "-u", self.app.given["user"], "--"]
        others = [f"{self.path}-{kind}" for kind in ("wal", "shm", "journal")]
        remove, write = shlex.join([*as_user, "rm", "-f", *others]), shlex.join([*as_user, "tee", self.path])
        return while_stopped(self.app.given["unit"], f"{remove} && {write} < {shlex.quote(path)} > /dev/null")
