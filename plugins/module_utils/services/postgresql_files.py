# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where PostgreSQL on this host keeps its files: asked of the running server, else of its unit and settings."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

_SETTING = re.compile(r"^\s*data_directory\s*=?\s*'([^']+)'", re.MULTILINE)
# Where distributions' packages put it; looked at only where nothing else tells.
USUAL = ("/var/lib/pgsql/data", "/var/lib/pgsql/*/data", "/var/lib/postgresql/*/main", "/var/lib/postgresql/data")
LOG_TAIL = 16384


def data_folders(listeners: list[dict[str, Any]], unit: str) -> list[str]:
    """The data folders of the servers that run, or that the unit would start.

    listeners: from sockets.listeners(); a server's working directory is its data folder.
    """
    pids = {item["pid"] for item in listeners if _is_server(item["command"])}
    found = [folder for pid in sorted(pids) if (folder := _link(f"/proc/{pid}/cwd"))]
    found = (
        found or _from_unit(unit) or _from_settings() or [path for text in USUAL for path in sorted(glob.glob(text))]
    )
    return list(dict.fromkeys(os.path.normpath(path) for path in found if _is_data_folder(path)))


def parts(folder: str) -> list[str]:
    """A data folder and what lies elsewhere though it belongs to it: the write-ahead log and tablespaces."""
    links = [os.path.join(folder, name) for name in ("pg_wal", "pg_xlog")] + glob.glob(
        os.path.join(glob.escape(folder), "pg_tblspc", "*")
    )
    return [folder, *sorted(os.path.realpath(path) for path in links if os.path.islink(path))]


def ran_out_of_space(folder: str) -> bool:
    """Whether the server's last words were that the file system is full: it needs 16 MiB at once for its log."""
    cluster = "-".join(folder.split("/")[-2:])
    logs = glob.glob(os.path.join(glob.escape(folder), "*log", "*")) + glob.glob(f"/var/log/postgresql/*{cluster}.log")
    try:
        newest = max(logs, key=os.path.getmtime)
        with open(newest, "rb") as file:
            file.seek(max(0, os.path.getsize(newest) - LOG_TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()[-20:]
    except (OSError, ValueError):
        return False
    return any("No space left on device" in line for line in lines)


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
    """PGDATA= or -D of the unit, as on Fedora and its kin."""
    if not unit:
        return []
    shown = systemd.show(unit if "." in unit else unit + ".service")
    folder = systemd.parse_environment_property(shown.get("Environment", "")).get("PGDATA", "")
    words = systemd.exec_argv(shown.get("ExecStart", ""))
    after = words[words.index("-D") + 1] if "-D" in words[:-1] else ""
    return [path for path in (after, folder) if path.startswith("/")][:1]


def _from_settings() -> list[str]:
    """data_directory of each of Debian's clusters."""
    found = []
    for path in sorted(glob.glob("/etc/postgresql/*/*/postgresql.conf")):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found += _SETTING.findall(file.read())[-1:]
        except OSError:
            continue
    return found
