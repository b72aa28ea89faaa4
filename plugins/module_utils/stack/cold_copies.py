# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies that are made of what is down for it: of a stopped server's data folder, of a stopped app's files.

Such a copy is whole only as long as nobody writes: starting the database or the app would spoil it unseen, also where
no unit says so by Conflicts=. What is being read is asked of the kernel (proc(5)).
"""

from __future__ import annotations

import os

from ansible_collections.rescue502.django.plugins.module_utils.system import processes, systemd
from ansible_collections.rescue502.django.plugins.module_utils.system.filesystems import is_below

# What every data folder of PostgreSQL's has, and what its server leaves there while it runs.
_MARKS = ("PG_VERSION", "global/pg_control")
_SERVERS_PID = "postmaster.pid"
# The server itself, also while it is being started or ended.
_SERVER = ("postgres", "postmaster", "pg_ctl", "pg_ctlcluster")
# Who follows a log there copies nothing.
_LOGS = ("log", "pg_log")
# Programs that copy, and wait for what they read or write to.
COPYING = (
    "borg", "cp", "cpio", "dd", "duplicity", "pax", "rclone", "rdiff-backup", "restic", "rsync", "scp", "tar", "zip",
)  # fmt: skip


def stopped_data_folder(pid: int) -> str:
    """The data folder of a server that is down, of which a process has something open; empty where it has nothing.

    That is a copy, or a server in single-user mode.
    """
    if processes.program(pid) in _SERVER:
        return _single_user_folder(pid)
    for path, _descriptor in processes.opened(pid):
        folder = _data_folder(path)
        if folder and not _is_log(os.path.relpath(path, folder)) and not _is_served(folder):
            return folder
    return ""


def _single_user_folder(pid: int) -> str:
    """The data folder of a server in single-user mode, in which somebody repairs it; empty of any other server.

    It keeps all others out, and names itself there by a number below zero (postgres(1), "Single-User Mode").
    """
    is_single = processes.command_words(pid)[1:2] == ["--single"]
    return _data_folder(processes.folder(pid)) if is_single and processes.folder(pid) else ""


def is_stopped(unit: str) -> bool:
    """Whether somebody has stopped a unit, so that it rests without a failure; False where systemd does not say so."""
    try:
        shown = systemd.show_many([unit], ["ActiveState", "Result"]) if unit else []
    except systemd.SystemdError:
        return False
    return [(item.get("ActiveState"), item.get("Result")) for item in shown] == [("inactive", "success")]


def reads(pid: int, words: list[str], places: list[str]) -> str:
    """The place, of these, in which a process has something open, where it stands, or which its words name."""
    folder = processes.folder(pid)
    named = [os.path.normpath(os.path.join(folder or "/", word)) for word in words[1:] if "/" in word]
    held = [folder, *(path for path, _descriptor in processes.opened(pid)), *named]
    return next((place for place in places if any(is_below(path, place) for path in held)), "")


def _data_folder(path: str) -> str:
    """The data folder that a path lies in, or is; empty where it is in none."""
    while path != "/":
        if all(os.path.isfile(os.path.join(path, mark)) for mark in _MARKS):
            return path
        path = os.path.dirname(path)
    return ""


def _is_log(path: str) -> bool:
    return path.split("/")[0] in _LOGS or path.endswith(".log")


def _is_served(folder: str) -> bool:
    """Whether a server runs in a data folder: the process that it names there stands in it."""
    try:
        with open(os.path.join(folder, _SERVERS_PID), encoding="utf-8") as file:
            pid = int(file.readline())
    except (OSError, ValueError):
        return False
    return os.path.realpath(processes.folder(pid) or "/") == os.path.realpath(folder)
