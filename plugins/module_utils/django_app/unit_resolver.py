# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Name resolution as the app's unit has it: root may read /etc/hosts and has the host's network where the app has not.

A script of ours is started by systemd as it would start the app (shadow_start.py): account, groups, sandbox, network.
"""

from __future__ import annotations

import inspect
import json
import os
import stat
import sys
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_resolver, shadow_start
from ansible_collections.rescue502.django.plugins.module_utils.run import trial_unit
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd
from ansible_collections.rescue502.django.plugins.module_utils.system.accounts import group_name, user_name

# A resolver that is not reached keeps one waiting for five seconds, and is asked twice (resolv.conf(5), timeout).
SECONDS = 3.0
POLL_SECONDS = 0.05
Answer = dict[str, Any]


def ask(stack: Stack, names: list[str]) -> dict[str, Answer]:
    """{ok, error, refused} of each name, as the app's unit would meet it; none of those that could not be asked.

    refused: {path, component, problem, in_unit} of each file of the resolver's that is refused there, or hidden;
    in_unit: whether only the unit's own view of the files does that.
    """
    try:
        shadow_start.require_possible(stack)
        words = [sys.executable, "-I", "-S", "-c", inspect.getsource(script_resolver), *names]
        # Nothing of the script is a variable of systemd's.
        text, name, mode = shadow_start.unit_text(stack, [word.replace("$", "$$") for word in words])
        with trial_unit.started(name, text, mode) as unit:
            said = _heard(unit)
    except (shadow_start.NotTriedError, OSError, systemd.SystemdError):
        return {}
    return judged(said, names)


def judged(said: Any, names: list[str]) -> dict[str, Answer]:
    """The result of ask(), of what the script has written. The app's account could have written it."""
    if not isinstance(said, dict) or not isinstance(said.get("names"), dict) or not isinstance(said.get("files"), list):
        return {}
    errors = {name: str(said["names"][name])[:200] for name in names if name in said["names"]}
    refused = [_refused(item) for item in said["files"] if isinstance(item, dict) and _is_refused(item)]
    return {name: {"ok": not error, "error": error, "refused": refused} for name, error in errors.items()}


def _heard(unit: trial_unit.TrialUnit) -> Any:
    """What the script has written, as it ends; None where it did not."""
    deadline, ended = time.monotonic() + SECONDS, bool(unit.problem)
    while True:
        for line in unit.said():
            try:
                return json.loads(line)
            except ValueError:
                continue
        # What it wrote as it ended is there once its end was seen.
        if ended or time.monotonic() > deadline:
            return None
        time.sleep(POLL_SECONDS)
        ended = unit.state().get("ActiveState") in ("failed", "inactive")


def _is_refused(item: dict[str, Any]) -> bool:
    """Whether a file is barred in the unit, that is one of the resolver's and there on this host."""
    return bool(item.get("problem")) and item.get("path") in script_resolver.FILES and os.path.exists(item["path"])


def _refused(item: dict[str, Any]) -> dict[str, Any]:
    component = str(item.get("component") or item["path"])
    found = {"path": item["path"], "component": component, "problem": str(item["problem"])[:200], "in_unit": True}
    try:
        status = os.stat(component)
    except OSError:
        return found
    # Another file than the host's is of the unit's own making (systemd.exec(5), InaccessiblePaths=).
    if (status.st_dev, status.st_ino) != (item.get("device"), item.get("inode")):
        return found
    owner = f"{user_name(status.st_uid)}:{group_name(status.st_gid)}"
    return {**found, "component": f"{component} ({stat.filemode(status.st_mode)} {owner})", "in_unit": False}
