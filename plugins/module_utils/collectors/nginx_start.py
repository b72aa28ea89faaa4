# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why nginx's unit does not start though its configuration is valid: its own options, or a unit that it requires."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import write_access
from ansible_collections.rescue502.django.plugins.module_utils.run import nginx_trial
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_unit
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.system import journal, required_units, systemd

# How a start of its own fails; a signal or a full memory may have ended what ran.
_BY_ITSELF = ("exit-code", "timeout", "protocol", "resources", "start-limit-hit")
RECENT_SECONDS = 3600.0
MOST = 3


def collect(shown: dict[str, str], test: dict[str, Any], root: Directive | None, files: list[str]) -> dict[str, Any]:
    """{objection, pid_files, drop_ins, dependencies, said}; empty where the unit runs.

    objection: what nginx says within its unit's options, where without them it has nothing against its configuration.
    pid_files: systemd's and nginx's own, where these are two. drop_ins: the files that may set options. dependencies:
    as of required_units.broken(). said: systemd's last words on the unit. shown: its properties. test: what
    `nginx -t` said. root, files: its configuration; root asks nothing of what others can write: nginx makes the folders
    that it names.
    """
    state = shown.get("ActiveState")
    if state not in ("failed", "inactive") or shown.get("LoadState") != "loaded":
        return {}
    fails = state == "failed" and shown.get("Result") in _BY_ITSELF and test["valid"] is not False
    fails = fails and not any(write_access.on_the_way(path, 0) for path in files)
    # With the unit's own options, such as `-g 'daemon on;'`, which a line of the configuration may contradict.
    words = systemd.exec_words(shown) or nginx_unit.command(shown)
    said = journal.of_manager(shown.get("Id", ""), RECENT_SECONDS, lines=20)
    return {
        "objection": nginx_trial.objection(shown, [*words, "-t", "-q"]) if fails else "",
        "pid_files": _pid_files(shown, root) if state == "failed" and root else [],
        "drop_ins": systemd.words(shown.get("DropInPaths", ""))[:MOST],
        "dependencies": required_units.broken(shown) if state == "inactive" else [],
        "said": parse_said([entry.message for entry in said]),
    }


def parse_said(messages: list[str]) -> list[str]:
    """The last of systemd's messages on a unit that say what failed, at most MOST."""
    return [message[:300] for message in messages if "ailed" in message][-MOST:]


def _pid_files(shown: dict[str, str], root: Directive) -> list[str]:
    """The file in which systemd looks for nginx's number, and the one that nginx writes; none where it is one."""
    wanted, written = shown.get("PIDFile", ""), root.first("pid")
    if not wanted or not written or os.path.realpath(wanted) == os.path.realpath(written):
        return []
    return [wanted, written[:200]]
