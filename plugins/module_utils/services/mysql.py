# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A MySQL or MariaDB server on this host, asked as its own account, which MariaDB lets in by the socket."""

from __future__ import annotations

import shutil

from ansible_collections.rescue502.django.plugins.module_utils.run import commands

# Of Debian and Fedora; of Oracle's MySQL it is let in only where somebody has made it an account.
ACCOUNT = "mysql"
PATH = "/usr/local/bin:/usr/bin:/bin"
SECONDS = 3.0


class MysqlError(Exception):
    """The server could not be asked; the text says why, and holds no statement."""


def ask(sql: str, port: int) -> list[list[str]]:
    """The rows that statements give, all as texts, of the server on this host that has this port.

    MysqlError where there is no client, the server does not let that account in or has another port, or time is up.
    """
    program = next(filter(None, (shutil.which(name, path=PATH) for name in ("mariadb", "mysql"))), None)
    if not program:
        raise MysqlError("there is no mariadb or mysql on this host")
    words = [program, "--batch", "--raw", "--skip-column-names", "--connect-timeout=2", "--protocol=socket"]
    environment = {"PATH": PATH, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    done = commands.run_as(ACCOUNT, None, words, environment, "/", SECONDS, stdin=f"SELECT @@port;\n{sql}")
    if done.timed_out or done.returncode:
        raise MysqlError((done.words.splitlines() or ["no answer"])[0][:300])
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    if not rows or rows[0] != [str(port)]:
        raise MysqlError(f"the server of its usual socket does not listen on port {port}")
    return rows[1:]


def text(value: str) -> str:
    """A text as SQL takes it, whatever is in it."""
    return f"CONVERT(0x{value.encode().hex()} USING utf8mb4)" if value else "''"
