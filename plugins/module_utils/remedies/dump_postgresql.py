# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dump a PostgreSQL database with pg_dump: as the account of the server on this host, else as the app reaches it.

The server's account may read all of it, and what it writes the app's user cannot meddle with: a dump that is brought
back by that account must hold nothing else.
"""

from __future__ import annotations

import glob
import os
import pwd
import re
import shlex
import shutil
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app.manage_command import App
from ansible_collections.rescue502.django.plugins.module_utils.remedies.database_dump import (
    DumpError,
    Source,
    while_stopped,
)
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

PATH = "/usr/local/bin:/usr/bin:/bin"
FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
ASK_SECONDS = 15.0
# How long it may wait for a table that somebody changes; later transactions wait as well.
LOCK_WAIT = "10s"
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
# When a server was started distinguishes it from every other one.
_STARTED = "SELECT extract(epoch from pg_postmaster_start_time())"
_ASK = (
    "SELECT current_database(), pg_database_size(current_database()), current_setting('server_version_num'), "
    f"({_STARTED})"
)


class PostgreSQL(Source):
    """The app's database. Where it is and the password go to the programs in their environment, never as words."""

    def __init__(self, app: App, settings: dict[str, str]) -> None:
        """settings: from app_settings.database(). Raises DumpError where the database gives no answer."""
        self.app, self.settings = app, settings
        self.port = int(settings["port"] or postgresql.DEFAULT_PORT)
        self.programs = installed(app.given["user"])
        done = self._as_app([self._program("psql", 0), "-XAtqw", "-F", "\t", "-c", _ASK], ASK_SECONDS)
        answer = done.stdout.rstrip("\n").split("\t")
        if done.returncode or len(answer) != 4:
            raise DumpError(self._reason(done, ASK_SECONDS))
        # Behind a pooler it may have another name than the settings give it.
        self.name, self.bytes, self.version = answer[0], int(answer[1]), int(answer[2]) // 10000
        self.server = self._server(answer[3])
        host = "" if self.server else settings["host"]
        port = self.server.port if self.server else self.port
        self.identity = {"engine": "postgresql", "host": host, "port": str(port), "name": self.name}

    def size(self) -> int:
        """Bytes, by pg_database_size."""
        return self.bytes

    def write(self, descriptor: int, seconds: float) -> None:
        """Write pg_dump's custom format. DumpError where it fails or takes longer."""
        words = [self._program("pg_dump", self.version), "-Fc", "-w", f"--lock-wait-timeout={LOCK_WAIT}"]
        if self.server:
            place = {"PGHOST": self.server.folder, "PGPORT": str(self.server.port), "PGDATABASE": self.name}
            environment = {**_plain(self.server.account), **place}
            done = commands.run_as(self.server.account, None, words, environment, "/", seconds, output=descriptor)
        else:
            done = self._as_app(words, seconds, output=descriptor)
        if done.returncode:
            raise DumpError(self._reason(done, seconds))

    def restore(self, path: str) -> str:
        """A command with pg_restore, as the server's own account where that is on this host."""
        if self.server:
            # Made anew, so that what newer migrations have added is gone too.
            place = ["-p", str(self.server.port), "-d", "postgres", "--clean", "--if-exists", "--create"]
            words = ["runuser", "-u", self.server.account, "--", "pg_restore", *place]
        else:
            place = ["-h", self.settings["host"], "-p", str(self.port), "-U", self.settings["user"], "-d", self.name]
            words = ["pg_restore", *place, "--clean", "--if-exists", "--no-owner", "--single-transaction"]
        return while_stopped(self.app.given["unit"], f"{shlex.join(words)} < {shlex.quote(path)}")

    def _server(self, started: str) -> postgresql.Server | None:
        """The server itself where it is on this host and lets its own account in; else None."""
        server = postgresql.find(sockets.listeners(), self.port)
        try:
            same = server is not None and postgresql.ask(server, f"{_STARTED};").strip() == started
        except postgresql.PostgresError:
            same = False
        return server if same else None

    def _as_app(self, words: list[str], seconds: float, **more: Any) -> commands.Finished:
        """Run one of PostgreSQL's programs as the app would reach its database."""
        user, group = self.app.given["user"], self.app.given["group"] or None
        given = {"PGHOST": "host", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "name"}
        # Django leaves to libpq what its settings do not say.
        environment = {name: value for name, value in self.app.environment.items() if name.startswith("PG")}
        environment.update({name: self.settings[key] for name, key in given.items() if self.settings[key]})
        if self.settings["port"]:
            environment["PGPORT"] = self.settings["port"]
        return commands.run_as(user, group, words, {**_plain(user), **environment}, "/", seconds, **more)

    def _program(self, name: str, version: int) -> str:
        """The path of pg_dump, or of psql next to it. DumpError where none is as new as the server."""
        path = fitting(self.programs, version)
        if not path:
            newer = f" of version {version} or newer" if version else ""
            raise DumpError(f"there is no pg_dump{newer} on this host (on Debian its package is postgresql-client)")
        return os.path.join(os.path.dirname(path), name)

    def _reason(self, done: commands.Finished, seconds: float) -> str:
        """The error's text, without the password."""
        if done.timed_out:
            return f"{self.settings['name']} gave no answer, or not all of it, within {seconds:g} s"
        text = (done.stderr.strip().splitlines() or ["the database gave no answer"])[0][:300]
        password = self.settings["password"]
        return self.app.redactor.text(text.replace(password, "********") if password else text)


def installed(user: str) -> dict[str, int]:
    """Every pg_dump on this host and its major version, which it is asked for as that account."""
    paths = [path for folder in FOLDERS for path in glob.glob(f"{folder}/pg_dump")]
    # Debian's own in /usr/bin only picks one of those.
    paths = paths or [path for path in [shutil.which("pg_dump", path=PATH)] if path]
    found = {}
    for path in paths:
        done = commands.run_as(user, None, [path, "--version"], {"PATH": PATH}, "/", ASK_SECONDS)
        version = _VERSION.search(done.stdout)
        if version:
            found[path] = int(version.group(1))
    return found


def fitting(programs: dict[str, int], version: int) -> str:
    """The pg_dump that suits a server best: as new as it is, or a little newer; empty where all are older."""
    suited = sorted((number, path) for path, number in programs.items() if number >= version)
    return suited[0][1] if suited else ""


def _plain(account: str) -> dict[str, str]:
    """An environment with nothing of the app's in it but where its password file would be."""
    home = pwd.getpwuid(int(account)).pw_dir if account.isdigit() else pwd.getpwnam(account).pw_dir
    return {"PATH": PATH, "HOME": home, "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": "5", "PGAPPNAME": "rescue502"}
