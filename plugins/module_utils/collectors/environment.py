# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment: which files it comes from, who may read them, and the names of the variables. Never a value."""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import systemd_credentials
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    accounts,
    environment_file,
    ignored_assignments,
    processes,
    systemd,
    unread,
)

_TRUE = ("1", "true", "yes", "on")
# What systemd itself gives an app that has an account of its own (systemd.exec(5)).
_OF_THE_ACCOUNT = ("HOME", "LOGNAME", "SHELL", "USER")
# Where people and tools put a file aside; a file such as .env.example or .env.staging is not a copy of .env.
_ASIDE = (
    "bak|backup|old|orig|original|save|saved|gone|prev|previous|copy|last|good|moved|removed|deleted|disabled|away"
    "|rpmsave|dpkg-old|dpkg-bak|ucf-old"
)
_COPY = re.compile(
    rf"(?i)(~|[._-]?({_ASIDE})?[._-]?(\d{{1,3}}|\d{{4}}-?\d\d-?\d\d([T._-]?\d\d[-:]?\d\d([-:]?\d\d)?Z?)?)?)"
)
_COPY_FOLDERS = ("/root", "/var/backups")


def collect(stack: Stack) -> dict[str, Any]:
    """Files, names, and what systemd could not read."""
    required = dict(systemd.environment_file_paths(stack.properties.get("EnvironmentFiles", "")))
    files = [_file_facts(path, not required.get(path, True)) for path in stack.env_files]
    missing = [item["path"] for item in files if item["required"] and item["exists"] is False]
    copies = {path: saved_copies(path, stack.user) for path in missing}
    lost = [path for path, found in copies.items() if not found]
    lacking = stack.environment_unread
    hidden = [unread.hidden(path) for path in [*stack.env_files, os.path.join(stack.root, ".env")]]
    absent = any(item["exists"] is False for item in files)
    folders = [unread.sealed(place) for path in lost for place in (os.path.dirname(path), *_COPY_FOLDERS)]
    return {
        "files": files,
        "missing": unread.reported(missing, "whether the environment files are there", *hidden),
        # What a person may have back: the nearest copy of each missing file, and the files that have none.
        "saved": [{"path": path, **found[0]} for path, found in copies.items() if found],
        "lost": unread.known(lost, f"copies of {', '.join(lost)}", *folders),
        "exposed": unread.reported(
            [item["path"] for item in files if item["others_read"]], "the modes of the environment files", *hidden
        ),
        **({"behind_failed": failed} if absent and (failed := _behind_failed(stack.properties)) else {}),
        "inline": sorted(systemd.parse_environment_property(stack.properties.get("Environment", ""))),
        "names": lacking[0] if lacking else sorted({*stack.environment, *stack.credentials}),
        "credentials_missing": unread.reported(
            stack.credentials_missing,
            "the unit's credentials",
            *[item.why for item in systemd_credentials.barred(stack.properties)],
        ),
        "problems": lacking[0] if lacking and not stack.environment_problems else stack.environment_problems,
        "debug": any(
            value.lower() in _TRUE for name, value in stack.environment.items() if name in ("DEBUG", "DJANGO_DEBUG")
        ),
        "settings_module": stack.settings_module,
        **({"running_otherwise": names} if (names := _running_otherwise(stack)) else {}),
    }


def _running_otherwise(stack: Stack) -> list[str]:
    """Names of the unit's variables that its main process was started with other values of, or without."""
    pid = systemd.number(stack.properties.get("MainPID", ""))
    if not pid or stack.environment_unread:
        return []
    return differing(processes.environment(pid), stack.environment)


def differing(running: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """Names of the variables that a process has other values of than are wanted, or does not have.

    None where it has none of them as wanted: some programs write their title over it (environ(7), setproctitle).
    """
    same = [name for name, value in wanted.items() if running.get(name) == value]
    return sorted({*wanted} - {*same, *_OF_THE_ACCOUNT}) if same else []


def _behind_failed(properties: dict[str, str]) -> list[str]:
    """The services that have failed of those that the app's unit is ordered behind: one may be what makes a file."""
    names = [name for name in systemd.words(properties.get("After", "")) if name.endswith(".service")]
    shown = systemd.show_many(names, ["Id", "ActiveState"])
    return sorted(item["Id"] for item in shown if item.get("ActiveState") == "failed")


def _file_facts(path: str, required: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"path": path, "required": required, "exists": False, "others_read": False, "names": []}
    what = f"the environment file {path}"
    if why := unread.hidden(path):
        return {**facts, "exists": unread.Unread(what, why), "others_read": unread.Unread(what, why)}
    try:
        status = os.stat(path)
        facts.update(
            exists=True,
            owner=accounts.user_name(status.st_uid),
            group=accounts.group_name(status.st_gid),
            mode=f"{stat.S_IMODE(status.st_mode):04o}",
            others_read=bool(status.st_mode & stat.S_IROTH) and stat.S_ISREG(status.st_mode),
        )
        text = safe_files.text(path)
        facts["names"] = sorted(environment_file.parse(text))
        if ignored := ignored_assignments.find(text):
            facts["ignored"] = ignored
    except PermissionError as error:
        facts["names"] = unread.Unread(what, unread.reason(error))
    except OSError as error:
        facts["problem"] = error.strerror or str(error)
    return facts


def saved_copies(path: str, user: str) -> list[dict[str, Any]]:
    """Copies of a missing file, those next to it before those in root's places, the newest first.

    Each is {source, owner, group, modified, names}, `names` being how many variables it holds.

    Only a file with variables in it counts, and only one that nobody but root, the app's user or the folder's owner
    could have put there.
    """
    folder, base = os.path.split(path)
    trusted = {"root", user, _owner(folder)}
    found = []
    for place in dict.fromkeys([folder, *_COPY_FOLDERS]):
        for entry in _entries(place):
            itself = entry.name == base and place == folder
            facts = _copy_facts(entry.path) if is_copy_name(entry.name, base) and not itself else None
            if facts and facts["owner"] in trusted:
                found.append(facts)
    return sorted(found, key=lambda item: (os.path.dirname(item["source"]) != folder, -item["modified"]))


def is_copy_name(name: str, base: str) -> bool:
    """Whether a file of this name may be a copy of the file `base`: its name, and what people add to put one aside."""
    return name.startswith(base) and bool(_COPY.fullmatch(name[len(base) :]))


def _copy_facts(path: str) -> dict[str, Any] | None:
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & stat.S_IWOTH:
            return None
        names = environment_file.parse(safe_files.text(path))
    except OSError:
        return None
    if not names:
        return None
    return {
        "source": path,
        "owner": accounts.user_name(status.st_uid),
        "group": accounts.group_name(status.st_gid),
        "modified": round(status.st_mtime, 3),
        "names": len(names),
    }


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _owner(path: str) -> str:
    try:
        return accounts.user_name(os.stat(path).st_uid)
    except OSError:
        return "root"
