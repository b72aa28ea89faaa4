# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why systemd did not get as far as the app: its own steps, other commands, conditions, units that it requires."""

from __future__ import annotations

import glob
import os
import re
import time
from typing import Any, Callable

from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    notifications,
    scheduled_starts,
    start_commands,
    start_waits,
    unit_limits,
)
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    accounts,
    required_units,
    systemd,
    unit_conflicts,
    unread,
)

# What apps wait for at a boot, besides what their unit names.
_WAITED_FOR = (
    "postgresql*.service", "pgbouncer*.service", "mysql*.service", "mariadb*.service", "redis*.service",
    "valkey*.service", "memcached*.service", "rabbitmq*.service", "*.mount", "network-online.target",
)  # fmt: skip
# What systemd was doing when it gave up, by the status that it leaves (systemd.exec(5), "Process Exit Codes").
STEPS = {
    200: "entering the working directory", 201: "setting the nice level", 202: "closing files",
    203: "executing the program", 204: "reserving memory", 205: "setting limits", 206: "setting the OOM score",
    207: "setting signals", 208: "opening standard input", 209: "opening standard output", 210: "changing the root",
    211: "setting the I/O priority", 212: "setting timer slack", 213: "setting secure bits",
    214: "setting the CPU scheduler", 215: "setting the CPU affinity", 216: "becoming the group",
    217: "becoming the user", 218: "setting capabilities", 219: "joining the control group",
    220: "making a session", 222: "opening standard error", 224: "opening a PAM session",
    225: "setting up the network namespace", 226: "setting up the file system namespace",
    227: "forbidding new privileges", 228: "setting up system call filters", 229: "setting the SELinux context",
    230: "setting the personality", 231: "setting the AppArmor profile", 232: "restricting address families",
    233: "making the runtime directory", 235: "changing the owner of a file", 236: "setting the Smack label",
    237: "setting up the kernel keyring", 238: "making the state directory", 239: "making the cache directory",
    240: "making the log directory", 241: "making the configuration directory", 242: "setting the NUMA policy",
    243: "handing over credentials", 244: "restricting BPF", 245: "setting up memory sharing",
}  # fmt: skip
# Conditions on files can be asked again now; of the others systemd's word is all there is.
_ON_FILES: dict[str, Callable[[str], bool]] = {
    "PathExists": os.path.exists,
    "PathExistsGlob": lambda path: bool(glob.glob(path)),
    "PathIsDirectory": os.path.isdir,
    "PathIsSymbolicLink": os.path.islink,
    "PathIsMountPoint": os.path.ismount,
    "DirectoryNotEmpty": lambda path: os.path.isdir(path) and bool(os.listdir(path)),
    "FileNotEmpty": lambda path: os.path.isfile(path) and os.path.getsize(path) > 0,
    "FileIsExecutable": lambda path: os.path.isfile(path) and os.access(path, os.X_OK),
}


def collect(properties: dict[str, str]) -> dict[str, Any]:
    """What kept the last start from reaching the app, or keeps the next one.

    {failed, came_later, step, condition, dependencies, limit, conflicts, scheduled, unheard, waits, account_expired,
    account}. failed: commands
    besides ExecStart= that failed. came_later: what these may have waited for in vain. step: what systemd itself could
    not do, `what` empty where nothing. condition: {unmet, kind, which}. dependencies: required units that failed or
    cannot be started. limit: of the unit's own, that ended it. conflicts: units that run and would be ended by a start.
    scheduled: what somebody has arranged to start it later. unheard: what a unit of Type=notify said in vain. waits:
    what a start that has begun waits for. account_expired: the day, where its account has; account: its name then.
    """
    down = properties.get("ActiveState") != "active"
    failed = start_commands.failed(properties) if down else []
    return {
        "failed": failed,
        "came_later": _came_later(properties, failed[0]["command"]) if failed else [],
        "step": _step(properties) if down else {"status": 0, "what": "", "command": ""},
        "condition": _condition(properties),
        "limit": unit_limits.last_end(properties),
        "dependencies": required_units.broken(properties) if properties.get("ActiveState") == "inactive" else [],
        "conflicts": unit_conflicts.ended_by_start([properties["Id"]]) if down and "Id" in properties else [],
        "scheduled": _scheduled(properties) if _was_stopped(properties) else [],
        "unheard": notifications.refused(properties) if down else "",
        **(_account_expired(properties) if down else {}),
        **({"waits": waits} if down and (waits := start_waits.collect(properties)) else {}),
    }


def _account_expired(properties: dict[str, str]) -> dict[str, str]:
    user = properties.get("User", "")
    day = accounts.expired_on(user) if user not in ("", "root", "0") else ""
    return {"account": user, "account_expired": day} if day else {}


def _scheduled(properties: dict[str, str]) -> list[str]:
    return scheduled_starts.of(properties["Id"], properties.get("UnitFileState") == "enabled")


def _was_stopped(properties: dict[str, str]) -> bool:
    """Whether the unit rests without a failure, as one does that somebody has stopped."""
    return (properties.get("ActiveState"), properties.get("Result")) == ("inactive", "success") and "Id" in properties


def _came_later(properties: dict[str, str], command: str) -> list[str]:
    """Units that came up after the unit had given up: a database that was late at a boot, a folder mounted since.

    Or what the command that failed asks for, where it finds that now.
    """
    if start_commands.does_well_now(command, properties.get("User", "")):
        return ["what it asks for"]
    gave_up = systemd.number(properties.get("InactiveEnterTimestampMonotonic", ""))
    named = [
        name
        for relation in ("After", *required_units.RELATIONS, "Wants")
        for name in systemd.words(properties.get(relation, ""))
    ]
    units = systemd.show_many([*_WAITED_FOR, *named], ["Id", "ActiveState", "ActiveEnterTimestampMonotonic"])
    later = {
        item["Id"]
        for item in units
        if item.get("ActiveState") == "active"
        and 0 < gave_up < systemd.number(item.get("ActiveEnterTimestampMonotonic", ""))
    }
    return sorted(later)[: required_units.MAX_UNITS]


def _step(properties: dict[str, str]) -> dict[str, Any]:
    """The step of systemd's own that failed before a command of the unit could run, unless that was put right since."""
    nothing = {"status": 0, "what": "", "command": ""}
    for directive in ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost"):
        for item in start_commands.commands(properties, directive):
            if item["code"] == "exited" and item["status"] in STEPS and not item["may_fail"]:
                # An ExecCondition's own status may be anything up to 254.
                if directive == "ExecCondition":
                    continue
                if _changed_since(item, properties):
                    return nothing
                return {"status": item["status"], "what": STEPS[item["status"]], "command": item["command"][:300]}
    return nothing


def _changed_since(item: dict[str, Any], properties: dict[str, str]) -> bool:
    """Whether something was changed, after the step had failed, on the way to what it could not enter or execute.

    Then the failure says nothing of now. Should the next start fail too, that one is newer than the change.
    """
    program = item["command"].split(" ")[0]
    path = {200: properties.get("WorkingDirectory", "").lstrip("-!"), 203: program}.get(item["status"], "")
    failed = properties.get("ExecMainExitTimestampMonotonic") or properties.get("StateChangeTimestampMonotonic", "")
    if not path.startswith("/") or not failed.isdigit():
        return False
    failed_at = time.time() - time.monotonic() + int(failed) / 1e6
    steps = path.split("/")
    return any(_changed_at("/".join(steps[: number + 1]) or "/") > failed_at for number in range(1, len(steps)))


def _changed_at(path: str) -> float:
    """When the entry of this name was last changed itself, links not followed; 0 where there is none."""
    try:
        return os.lstat(path).st_ctime
    except OSError:
        return 0.0


def _condition(properties: dict[str, str]) -> dict[str, Any]:
    """Whether the last start was skipped, and would be now, because a Condition…= or Assert…= does not hold."""
    facts: dict[str, Any] = {"unmet": False, "kind": "", "which": []}
    if properties.get("ActiveState") != "inactive" or properties.get("Result") == "exec-condition":
        return facts
    for kind in ("Condition", "Assert"):
        asked = properties.get(f"{kind}TimestampMonotonic", "0") not in ("", "0")
        if asked and properties.get(f"{kind}Result") == "no":
            items = _conditions(properties.get("Id", ""), kind + "s")
            bad = [item for item in items if item["state"] < 0 and not item["holds_now"]]
            if any(item["either"] and item["holds_now"] for item in items):
                bad = [item for item in bad if not item["either"]]
            if any(item["barred"] for item in bad):
                why = next(item["barred"] for item in bad if item["barred"])
                return {**facts, "unmet": unread.Unread("whether the unit's conditions hold now", why)}
            # With none that does not hold now, what was missing has come back: a start would do.
            if bad or not items:
                which = [f"{item['name']}={item['parameter']}" for item in bad]
                return {"unmet": True, "kind": kind.lower(), "which": which}
    return facts


def _conditions(unit: str, member: str) -> list[dict[str, Any]]:
    """A unit's conditions or asserts with systemd's last verdict on each; systemctl show cannot print them."""
    rows = systemd.unit_property(unit, "Unit", member) or []
    return [
        {
            "name": name,
            "parameter": ("|" if trigger else "") + ("!" if negated else "") + parameter,
            "either": trigger,
            "state": state,
            "holds_now": _holds_now(name, parameter, negated),
            "barred": unread.hidden(parameter) if parameter.startswith("/") else "",
        }
        for name, trigger, negated, parameter, state in rows
    ]


def _holds_now(name: str, parameter: str, negated: bool) -> bool:
    """Whether a condition on files holds by now; False where that cannot be asked."""
    ask = _ON_FILES.get(re.sub(r"^(Condition|Assert)", "", name))
    try:
        return ask is not None and bool(ask(parameter)) != negated
    except OSError:
        return False
