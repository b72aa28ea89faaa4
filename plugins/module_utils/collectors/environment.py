# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment: which files it comes from, who may read them, and the names of the variables. Never a value."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils import systemd
from ansible_collections.rescue502.django.plugins.module_utils.stack import Stack

_TRUE = ("1", "true", "yes", "on")


def collect(stack: Stack) -> dict[str, Any]:
    """Files, names, and what systemd could not read."""
    required = dict(systemd.environment_file_paths(stack.properties.get("EnvironmentFiles", "")))
    files = [_file_facts(path, not required.get(path, True)) for path in stack.env_files]
    return {
        "files": files,
        "missing": [item["path"] for item in files if item["required"] and not item["exists"]],
        "exposed": [item["path"] for item in files if item["others_read"]],
        "inline": sorted(systemd.parse_environment_property(stack.properties.get("Environment", ""))),
        "names": sorted(stack.environment),
        "problems": stack.environment_problems,
        "debug": any(
            value.lower() in _TRUE for name, value in stack.environment.items() if name in ("DEBUG", "DJANGO_DEBUG")
        ),
        "settings_module": stack.settings_module,
    }


def _file_facts(path: str, required: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"path": path, "required": required, "exists": False, "others_read": False, "names": []}
    try:
        status = os.stat(path)
        facts.update(
            exists=True,
            owner=_name(pwd.getpwuid, status.st_uid),
            group=_name(grp.getgrgid, status.st_gid),
            mode=f"{stat.S_IMODE(status.st_mode):04o}",
            others_read=bool(status.st_mode & stat.S_IROTH) and stat.S_ISREG(status.st_mode),
        )
        with open(path, encoding="utf-8", errors="replace") as file:
            facts["names"] = sorted(systemd.parse_environment_file(file.read()))
    except OSError as error:
        facts["problem"] = error.strerror
    return facts


def _name(lookup: Any, number: int) -> str:
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)
