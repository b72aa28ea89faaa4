# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A PostgreSQL server on this host: find it, hear whether it accepts connections, ask it as its own account."""

from __future__ import annotations

import glob
import os
import pwd
import re
import shutil
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_words

DEFAULT_PORT = 5432
PROTOCOL = 196608  # version 3.0
TLS_REQUEST = 80877103
_SOCKET = re.compile(r"^(/.*)/\.s\.PGSQL\.(\d+)$")
# SQLSTATE cannot_connect_now: the server starts, recovers or shuts down.
_NOT_NOW = b"C57P03\0"


class PostgresError(Exception):
    """The server could not be asked; the text says why, and holds no query."""


@dataclass(frozen=True)
class Server:
    """A server's socket folder and port, the account it runs as, and the psql to ask it with."""

    folder: str
    port: int
    account: str
    psql: str


def find(listeners: list[dict[str, Any]], port: int) -> Server | None:
    """The server on this host that has the port, else the only one there is; None where that is not known.

    An app may well name the port of a pooler in front of the server.
    """
    sockets = _sockets(listeners)
    chosen = port if port in sockets else next(iter(sockets)) if len(sockets) == 1 else 0
    return _server(chosen, *sockets[chosen]) if chosen else None


def find_all(listeners: list[dict[str, Any]]) -> list[Server]:
    """All servers with a socket on this host, by port."""
    found = (_server(port, *place) for port, place in sorted(_sockets(listeners).items()))
    return [server for server in found if server]


def _sockets(listeners: list[dict[str, Any]]) -> dict[int, tuple[str, int]]:
    """(folder of the socket, process) of each server, by port."""
    servers = {}
    for item in listeners:
        match = _SOCKET.match(item["path"])
        if (
            match
            and item["pid"]
            and os.path.basename(item["command"].split(" ")[0]).startswith(("postgres", "postmaster"))
        ):
            servers[int(match.group(2))] = (match.group(1), item["pid"])
    return servers


def _server(port: int, folder: str, pid: int) -> Server | None:
    try:
        account = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
        programs = os.path.dirname(os.readlink(f"/proc/{pid}/exe"))
    except (OSError, KeyError):
        return None
    return Server(folder, port, account, _psql(programs))


def any_psql() -> str:
    """The path of a psql on this host; empty where there is none."""
    return _psql("")


def _psql(programs: str) -> str:
    """psql next to the server's own program, else wherever it usually is; empty where there is none."""
    versions = sorted(glob.glob("/usr/lib/postgresql/*/bin/psql") + glob.glob("/usr/pgsql-*/bin/psql"), reverse=True)
    places = [os.path.join(programs, "psql") if programs else "", shutil.which("psql") or "", *versions]
    return next((path for path in places if path and os.access(path, os.X_OK)), "")


def ask(server: Server, sql: str, timeout: float = 4.0, statement_seconds: float = 1.5) -> str:
    """psql's output, unaligned, for SQL that it gets on its standard input, run as the server's own account.

    Asked over the socket, where that account is let in by its name, through a slot that is kept for it.
    PostgresError where there is no psql, it is not let in, a statement fails or time is up. timeout: in seconds.
    """
    if not server.psql:
        raise PostgresError("there is no psql on this host")
    limits = f"-c statement_timeout={statement_seconds * 1000:.0f} -c lock_timeout=500 -c lc_messages=C"
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "PGCONNECT_TIMEOUT": "2",
        "PGCLIENTENCODING": "UTF8",
        "PGAPPNAME": "rescue502",
        "PGOPTIONS": limits,
    }
    words = [
        server.psql,
        "-XAtqw",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        server.folder,
        "-p",
        str(server.port),
        "-d",
        "postgres",
    ]
    try:
        done = commands.run_as(server.account, None, [*words, "-f", "-"], environment, "/", timeout, stdin=sql)
    except KeyError as error:
        raise PostgresError(f"no such account: {error.args[0]}") from error
    if done.timed_out:
        raise PostgresError(f"no answer within {timeout:g} s")
    if done.returncode:
        # Of what psql says, the first line: what follows may be the statement.
        # Who is not let in hears it in the language of the server.
        said = postgresql_words.lines(done.stderr.strip().splitlines())
        raise PostgresError((said or ["psql failed"])[0][:300])
    return done.stdout


def identifier(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL takes it, whatever standard_conforming_strings says."""
    text = text.replace("\0", "").replace("'", "''")
    return "E'" + text.replace("\\", "\\\\") + "'" if "\\" in text else "'" + text + "'"


def readiness(host: str, port: int, user: str = "", name: str = "", timeout: float = 2.0) -> str:
    """Empty where a server takes the app's connections now, else why not; no password is sent.

    As pg_isready does: the first answer to a connection shows it, before anybody logs in. host: a name, an address, or
    a socket's folder. timeout: in seconds.
    """
    try:
        with _connect(host, port, timeout) as connection:
            words = (
                b"user\0" + (user or "postgres").encode() + b"\0database\0" + (name or "postgres").encode() + b"\0\0"
            )
            connection.sendall(struct.pack("!II", len(words) + 8, PROTOCOL) + words)
            answer = connection.recv(4096)
    except socket.timeout:
        return "timed out"
    except OSError as error:
        return error.strerror or str(error)
    if not answer:
        return "the connection was closed without an answer"
    if answer[:1] == b"E" and _NOT_NOW in answer:
        said = (part[1:].decode("utf-8", "replace") for part in answer[5:].split(b"\0") if part[:1] == b"M")
        return postgresql_words.english(next(said, "not now"))
    return ""


def shown_certificate(host: str, port: int, timeout: float = 2.0) -> bytes:
    """The certificate that a server shows to who asks for TLS, in DER, verified or not; empty where it has none.

    Nobody logs in. host: a name or an address. Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with _connect(host, port, timeout) as connection:
        connection.sendall(struct.pack("!II", 8, TLS_REQUEST))
        if connection.recv(1) != b"S":
            return b""
        with context.wrap_socket(connection) as encrypted:
            return encrypted.getpeercert(binary_form=True) or b""


def _connect(host: str, port: int, timeout: float) -> socket.socket:
    if host.startswith("/") or not host:
        folders = [host] if host else ["/var/run/postgresql", "/run/postgresql", "/tmp"]
        paths = [os.path.join(folder, f".s.PGSQL.{port}") for folder in folders]
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(next((path for path in paths if os.path.exists(path)), paths[0]))
        except OSError:
            connection.close()
            raise
        return connection
    return socket.create_connection((host, port), timeout=timeout)
