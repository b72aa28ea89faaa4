# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The last good state of an app, kept on its host: one small file for each unit, in the folder that root alone enters.

It is written anew only where something differs. Where nothing does, only the file's time is set: the state was good
until then.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import secrets
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.baseline import state
from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import processes, sockets, systemd

SCHEMA = 1
FOLDER = "baseline"
# The key that the marks of all baselines on this host are made with; it never leaves the host.
KEY = "key"
KEY_BYTES = 32
# What a process keeps as it was when it was started.
LOADED = ("commit", "packages", "python", "units", "variables")


def remember(stack: Stack, incident: str, rehearsed: bool) -> str:
    """Keep the state as it is now as the last good one: `kept`, `unchanged`, or why it was not kept.

    incident: id of the run that has seen the app to be well. rehearsed: whether it was seen that what is on disk would
    come up; else it may be that only what was started from an earlier state is well.
    """
    try:
        state_directory.made(FOLDER)
        marks = _made_key()
        now = state.take(stack, marks)
        kept = last(stack.unit)
        if kept and kept["state"] == now:
            os.utime(_path(stack.unit))
            return "unchanged"
        if kept and not rehearsed and _runs_what_was(kept["state"], now, stack):
            return "not kept: what runs was started before the change"
        record = {
            "schema": SCHEMA,
            "unit": stack.unit,
            "key": _key_id(marks),
            "taken": _iso(None),
            "incident": incident,
        }
        atomic_write.replace(_path(stack.unit), json.dumps({**record, "state": now}, separators=(",", ":")).encode())
    except (OSError, ValueError, systemd.SystemdError) as error:
        return f"not kept: {error}"
    return "kept"


def _runs_what_was(before: dict[str, Any], now: dict[str, Any], stack: Stack) -> bool:
    """Whether what differs is loaded at a start, and the oldest worker was started when `before` was still there.

    Workers and not the unit: a reload gives it new ones, which load the code anew. Raises OSError where one has ended.
    """
    if all(before.get(name) == now[name] for name in LOADED):
        return False
    pids = sockets.unit_pids(stack.properties)
    workers = [pid for pid in pids if str(pid) != stack.properties.get("MainPID")] or pids
    return any(processes.started(pid) <= os.stat(_path(stack.unit)).st_mtime for pid in workers)


def last(unit: str) -> dict[str, Any]:
    """{unit, key, taken, since, incident, state} of the last good state; empty where none is kept, or a damaged one.

    One whose marks were made with another key than the host's, which was lost, can be compared with nothing: damaged.
    taken, since: when this state was first and last seen to be good, ISO 8601 in UTC.
    """
    try:
        with open(_path(unit), encoding="utf-8") as file:
            kept = json.load(file)
            since = os.fstat(file.fileno()).st_mtime
        sound = _is_sound(kept, unit) and kept.get("key") == _key_id(key())
    except (OSError, ValueError):
        return {}
    return {**kept, "since": _iso(since)} if sound else {}


def last_well() -> float:
    """When any app of this host was last seen to be well, in seconds since the epoch; 0 where that is not known."""
    folder = state_directory.path(FOLDER)
    times = [0.0]
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        times += [entry.stat(follow_symlinks=False).st_mtime for entry in entries if entry.name.endswith(".json")]
    return max(times)


def key() -> bytes:
    """The host's key. Raises OSError where there is none, or a damaged one."""
    with open(state_directory.path(FOLDER, KEY), "rb") as file:
        found = file.read(KEY_BYTES)
    if len(found) < KEY_BYTES:
        raise OSError(f"{state_directory.path(FOLDER, KEY)} is damaged: remove it")
    return found


def _made_key() -> bytes:
    """The host's key, made where there is none. Two concurrent runs end up with the same one."""
    path = state_directory.path(FOLDER, KEY)
    if not os.path.exists(path):
        atomic_write.create(path, secrets.token_bytes(KEY_BYTES))
    return key()


def _key_id(marks: bytes) -> str:
    """Which key it is, without revealing it."""
    return hashlib.sha256(marks).hexdigest()[:16]


def _path(unit: str) -> str:
    return state_directory.path(FOLDER, unit + ".json")


def _is_sound(kept: Any, unit: str) -> bool:
    """Whether a file's content is a baseline of this unit: a crash, or a version to come, may have left another."""
    if not isinstance(kept, dict) or (kept.get("schema"), kept.get("unit")) != (SCHEMA, unit):
        return False
    now = kept.get("state")
    return isinstance(now, dict) and all(isinstance(now.get(name), dict) for name in state.SECTIONS)


def _iso(seconds: float | None) -> str:
    utc = datetime.timezone.utc
    moment = datetime.datetime.now(utc) if seconds is None else datetime.datetime.fromtimestamp(seconds, utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
