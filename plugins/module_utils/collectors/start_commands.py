# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands of a unit, how each last ended, and whether one that failed may have loaded the app."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run.commands import run_as

_COMMAND = re.compile(
    r"\{ path=(\S+) ; argv\[\]=(.*?) ; ignore_errors=(yes|no) ; .*?; code=(\S+) ; status=(\d+)[^}]*\}"
)
# Programs that only ask, so that they can be asked again.
_ASKS = ("[", "mountpoint", "test")
_ASK_SECONDS = 2.0
# Programs that are binaries and run whatever text they are given.
_RUNS_TEXT = re.compile(r"(python|perl|ruby|node|php|lua|awk|gawk|mawk)[\d.]*|(ba|da|z|k|fi)?sh|busybox|make")


def commands(properties: dict[str, str], directive: str) -> list[dict[str, Any]]:
    """Each command of an Exec…= directive with how it last ended; code is empty where it did not."""
    return [
        {
            "directive": directive,
            "command": argv,
            "code": code if code in ("exited", "killed", "dumped") else "",
            "status": int(status),
            "may_fail": ignored == "yes",
        }
        for _path, argv, ignored, code, status in _COMMAND.findall(properties.get(directive, ""))
    ]


def failed(properties: dict[str, str]) -> list[dict[str, Any]]:
    """Commands before or after the app whose failure ends the start. systemd forgets them when it starts anew."""
    found = []
    for directive in ("ExecCondition", "ExecStartPre", "ExecStartPost"):
        for item in commands(properties, directive):
            if item["code"] and not item["may_fail"] and (item["code"] != "exited" or item["status"]):
                found.append(item)
    return [dict(item, command=item["command"][:300], loads_no_app=loads_no_app(item["command"])) for item in found]


def loads_no_app(command: str) -> bool:
    """Whether this command cannot have loaded the app, so that what is wrong with the app does not explain its failure.

    Only where its program is a binary that runs no text, and none of its arguments is a program. What cannot be read
    may have loaded it.
    """
    name, *arguments = command.split(" ")
    program = os.path.realpath(name)
    try:
        is_binary = safe_files.read_bytes(program, 4) == b"\x7fELF"
    except OSError:
        return False
    runs_text = _RUNS_TEXT.fullmatch(os.path.basename(program))
    return is_binary and not runs_text and not any(shutil.which(argument) for argument in arguments if argument)


def does_well_now(command: str, user: str) -> bool:
    """Whether a command that failed, and does nothing but ask, has another answer by now.

    False where it may do more, where systemd would put something into it, and where it cannot be asked. user: the
    unit's own; empty for root.
    """
    argv = command.split(" ")
    if os.path.basename(argv[0]) not in _ASKS or re.search(r"[$%\\\"']", command) or not loads_no_app(command):
        return False
    try:
        done = run_as(user or "root", None, argv, {}, "/", _ASK_SECONDS)
    except (KeyError, PermissionError):
        return False
    return done.returncode == 0
