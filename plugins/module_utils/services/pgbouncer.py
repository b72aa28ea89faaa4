# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PgBouncer on this host: which unit runs it, what it is configured to do, and what its admin console says.

The console lets in, as the user pgbouncer over its Unix socket, the account that PgBouncer runs as. What the file
says is read where it does not run. Sources: pgbouncer.org/usage.html (SHOW), pgbouncer.org/config.html.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, processes, systemd

PROGRAM = "pgbouncer"
DEFAULT_PORT = 6432
ANY = "*"
INCLUDES = 5
_UNITS = ("pgbouncer.service", "pgbouncer@*.service")
_SECTION = re.compile(r"^\[(\w+)\]")
_LINE = re.compile(r"^([\w.*-]+|\"[^\"]+\")\s*=\s*(.*)")
# A connection string of libpq's kind: name=value, with quotes where a value has spaces.
_WORD = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|\S*)")


@dataclass(frozen=True)
class Bouncer:
    """One PgBouncer: its unit and configuration; pid is 0 where it does not run."""

    unit: str
    active_state: str
    pid: int
    path: str
    settings: dict[str, str] = field(default_factory=dict)
    databases: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """The port that it listens on, of TCP and of its Unix socket alike."""
        given = self.settings.get("listen_port", "")
        return int(given) if given.isdigit() else DEFAULT_PORT

    def destination(self, name: str) -> dict[str, str] | None:
        """Where it sends the connections to a database, as its file has it; None where it knows no such database."""
        return self.databases.get(name, self.databases.get(ANY))


def on_port(port: int, listeners: list[dict[str, Any]]) -> Bouncer | None:
    """The PgBouncer that listens on a port, else the one that a unit would start there; None where there is none."""
    running = next((item for item in listeners if _is_on(item, port) and is_one(item["command"])), None)
    if running:
        return _described(processes.unit_of(running["pid"]), running["pid"], running["command"].split())
    if any(_is_on(item, port) for item in listeners):
        return None
    configured = (_described(name, 0, argv) for name, argv in _units())
    return next((bouncer for bouncer in configured if bouncer.settings and bouncer.port == port), None)


def is_one(command: str) -> bool:
    """Whether a command line is PgBouncer's."""
    return os.path.basename(command.split(" ")[0]) == PROGRAM


def _is_on(item: dict[str, Any], port: int) -> bool:
    return bool(item["path"].endswith(f".s.PGSQL.{port}") or (item["kind"] == "tcp" and item["port"] == port))


def _units() -> list[tuple[str, list[str]]]:
    """Each unit that starts a PgBouncer, with the words of its command."""
    text = systemd.systemctl("show", "--property=Id,LoadState,ExecStart", "--", *_UNITS)
    shown = [systemd.parse_show(block) for block in text.split("\n\n") if block.strip()]
    return [
        (item["Id"], systemd.exec_argv(item.get("ExecStart", "")))
        for item in shown
        if item.get("LoadState") in ("loaded", "masked")
    ]


def _described(unit: str, pid: int, argv: Sequence[str]) -> Bouncer:
    path = next((word for word in reversed(argv) if word.startswith("/") and word.endswith(".ini")), "")
    settings, databases = parse(read(path))
    state = systemd.show(unit).get("ActiveState", "") if unit else ""
    return Bouncer(unit, state, pid, path, settings, databases)


def read(path: str, depth: int = 0) -> str:
    """Its configuration with the files that it includes; empty where it cannot be read."""
    try:
        text = safe_files.text(path) if path else ""
    except OSError:
        return ""
    lines = []
    for line in text.splitlines():
        word, _space, rest = line.strip().partition(" ")
        lines.append(read(rest.strip(), depth + 1) if word == "%include" and depth < INCLUDES else line)
    return "\n".join(lines)


def parse(text: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The settings of its section [pgbouncer], and what its section [databases] says of each database."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in (line.strip() for line in text.splitlines()):
        if head := _SECTION.match(line):
            current = sections.setdefault(head.group(1), {})
        elif (found := _LINE.match(line)) and line[0] not in ";#":
            current[found.group(1).strip('"')] = found.group(2).strip()
    databases = sections.get("databases", {})
    return sections.get(PROGRAM, {}), {name: _words(value) for name, value in databases.items()}


def _words(text: str) -> dict[str, str]:
    return {name: value.strip("'").replace("''", "'") for name, value in _WORD.findall(text)}


def account(bouncer: Bouncer) -> str:
    """As whom it runs; empty where it is gone."""
    try:
        return accounts.user_name(os.stat(f"/proc/{bouncer.pid}").st_uid)
    except OSError:
        return ""


def console(bouncer: Bouncer, commands_: Sequence[str], timeout: float = 3.0) -> list[list[dict[str, str]]]:
    """What its console answers to each command, a row a dict. Raises PostgresError where it cannot be asked.

    timeout: in seconds.
    """
    user = account(bouncer)
    folder = bouncer.settings.get("unix_socket_dir", "/tmp")
    psql = postgresql.any_psql()
    if not psql or not folder:
        raise postgresql.PostgresError("there is no psql on this host" if folder else "it has no Unix socket")
    asks = [word for command in commands_ for word in ("-c", command)]
    words = [psql, "-XAw", "-F", "\t", "-P", "footer=off", "-h", folder, "-p", str(bouncer.port), "-U", PROGRAM]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    environment.update(PGCONNECT_TIMEOUT="2", PGAPPNAME="rescue502")
    try:
        done = commands.run_as(user, None, [*words, "-d", PROGRAM, *asks], environment, "/", timeout)
    except KeyError as error:
        raise postgresql.PostgresError(f"no such account: {error.args[0]}") from error
    if done.returncode:
        raise postgresql.PostgresError((done.stderr.strip().splitlines() or ["psql failed"])[0][:300])
    return tables(done.stdout, commands_)


def tables(text: str, asked: Sequence[str]) -> list[list[dict[str, str]]]:
    """The answers in psql's output, each with a head of its own, which begins as _HEADS says.

    PostgresError for an answer of another kind.
    """
    answers: list[list[dict[str, str]]] = []
    head: list[str] = []
    for line in text.splitlines():
        cells = line.split("\t")
        if len(answers) < len(asked) and cells[0] == _HEADS[asked[len(answers)]]:
            head = cells
            answers.append([])
        elif answers:
            answers[-1].append(dict(zip(head, cells)))
    if len(answers) != len(asked):
        raise postgresql.PostgresError("its console answered otherwise than it usually does")
    return answers


# The first column of each answer.
_HEADS = {"SHOW CONFIG": "key", "SHOW DATABASES": "name", "SHOW USERS": "name", "SHOW POOLS": "database"}
_HEADS["SHOW LISTS"] = "list"
