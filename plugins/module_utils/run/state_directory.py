# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder on the target in which rescue502 remembers what it did, and the incident that a task belongs to.

Only root may look into it: what a remedy keeps aside there may hold secrets.
"""

from __future__ import annotations

import os
import re
import stat

STATE = "/var/lib/rescue502"
# Set for every task of a run by playbooks/tasks/remedy.yml; not there where a role is used alone.
INCIDENT = "RESCUE502_INCIDENT"
REMEDY = "RESCUE502_REMEDY"
SECONDS_LEFT = "RESCUE502_SECONDS_LEFT"
LEAST_SECONDS = 5.0
_NAME = re.compile(r"[^A-Za-z0-9._@-]")


def incident() -> str:
    """Id of the incident that this task belongs to; empty where it belongs to none."""
    return _safe(os.environ.get(INCIDENT, ""))


def remedy() -> str:
    """The name of the remedy that this task belongs to, within its incident; empty where a role is used alone."""
    return _safe(os.environ.get(REMEDY, ""))


def mark() -> dict[str, str]:
    """The variable by which a process is known to belong to this run, for the processes that a task starts."""
    return {INCIDENT: os.environ[INCIDENT]} if INCIDENT in os.environ else {}


def seconds_left(limit: float) -> float:
    """The smaller of a task's own limit and what is left of its run, but enough to do something with; in seconds."""
    try:
        return min(limit, max(LEAST_SECONDS, float(os.environ.get(SECONDS_LEFT, limit))))
    except ValueError:
        return limit


def path(*names: str) -> str:
    """Path of what is kept below the state folder, whether it is there or not."""
    return os.path.join(STATE, *map(_safe, names))


def made(*names: str) -> str:
    """Path of a folder below the state folder, made where it is missing; only root may enter it.

    Raises OSError where it cannot be made, or where somebody else's folder or a link stands in its place.
    """
    path = STATE
    for step in ["", *map(_safe, names)]:
        path = os.path.join(path, step) if step else path
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            _require_own(path)
    return path


def _require_own(path: str) -> None:
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError(f"{path} is not a folder that root alone may enter")


def _safe(name: str) -> str:
    """A name without anything that could lead out of its folder."""
    return _NAME.sub("_", name).lstrip(".")[:120]
