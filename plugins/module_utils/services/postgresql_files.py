# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where PostgreSQL on this host keeps its files: asked of the running server, else of its unit and settings."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

# Debian's instances are named VERSION-CLUSTER.
INSTANCE = re.compile(r"@([\d.]+)-(.+)\.service$")
# Of PostgreSQL 12 and later, and of those before.
_RECOVERY = ("recovery.signal", "recovery.conf")
_SETTING = re.compile(r"^\s*data_directory\s*=?\s*'([^']+)'", re.MULTILINE)
# Where distributions' packages put it; looked at only where nothing else says.
USUAL = ("/var/lib/pgsql/data", "/var/lib/pgsql/*/data", "/var/lib/postgresql/*/main", "/var/lib/postgresql/data")


def data_folders(listeners: list[dict[str, Any]], unit: str) -> list[str]:
    """The data folders of the servers that run, or that the unit would start.

    listeners: from sockets.listeners(); a server's working directory is its data folder.
    """
    pids = {item["pid"] for item in listeners if _is_server(item["command"])}
    found = [folder for pid in sorted(pids) if (folder := _link(f"/proc/{pid}/cwd"))]
    found = found or _from_unit(unit) or configured() or [path for text in USUAL for path in sorted(glob.glob(text))]
    return list(dict.fromkeys(os.path.normpath(path) for path in found if _is_data_folder(path)))


def parts(folder: str) -> list[str]:
    """A data folder and what lies elsewhere though it belongs to it: the write-ahead log and tablespaces."""
    links = [os.path.join(folder, name) for name in ("pg_wal", "pg_xlog")] + glob.glob(
        os.path.join(glob.escape(folder), "pg_tblspc", "*")
    )
    return [folder, *sorted(os.path.realpath(path) for path in links if os.path.islink(path))]


def _is_server(command: str) -> bool:
    program = os.path.basename(command.split(" ")[0])
    return program in ("postgres", "postmaster") or command.startswith("postgres:")


def _is_data_folder(path: str) -> bool:
    """Every data folder has this file; where the folder cannot be looked into, its being there must do."""
    return os.path.isdir(path) and (os.path.exists(os.path.join(path, "PG_VERSION")) or not os.access(path, os.X_OK))


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _from_unit(unit: str) -> list[str]:
    """The data folder of a server's unit, in a list that is empty where it is not known."""
    folder = of_unit(systemd.show(unit if "." in unit else unit + ".service")) if unit else ""
    return [folder] if folder else []


def of_cluster(version: str, name: str) -> str:
    """Where one of Debian's clusters keeps its data: its own setting, else Debian's place."""
    return _setting(f"/etc/postgresql/{version}/{name}/postgresql.conf") or f"/var/lib/postgresql/{version}/{name}"


def of_unit(shown: dict[str, str]) -> str:
    """Where a server's unit keeps its data; empty where that is not known. shown: the unit's properties.

    Of one of Debian's clusters its own setting, else Debian's place; of others -D or PGDATA=, as on Fedora and its kin.
    """
    if match := INSTANCE.search(shown.get("Id", "")):
        return of_cluster(*match.groups())
    environment, _problems = systemd.unit_environment(shown)
    words = systemd.exec_argv(shown.get("ExecStart", ""))
    named = words[words.index("-D") + 1] if "-D" in words[:-1] else ""
    return next((path for path in (named, environment.get("PGDATA", "")) if path.startswith("/")), "")


def recovery_file(unit: str) -> str:
    """The file by which a server, when it starts, recovers from an archive; empty where there is none.

    It ends a recovery where the archive ends, and nobody can go on from there: so it is started when all is there.
    A standby's file is none: that one waits for more. Source: postgresql.org/docs/current/continuous-archiving.html.
    """
    folder = next(iter(_from_unit(unit)), "")
    paths = [os.path.join(folder, name) for name in _RECOVERY if folder]
    return next((path for path in paths if os.path.exists(path)), "")


def configured() -> list[str]:
    """data_directory of each of Debian's clusters."""
    paths = sorted(glob.glob("/etc/postgresql/*/*/postgresql.conf"))
    return [folder for folder in map(_setting, paths) if folder]


def _setting(path: str) -> str:
    """data_directory in a postgresql.conf, where the last one counts; empty where none is set or can be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found: list[str] = _SETTING.findall(file.read())
    except OSError:
        return ""
    return found[-1] if found else ""
