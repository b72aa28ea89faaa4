# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""supervisor (supervisord.org): its programs, asked by its own supervisorctl where all that this obeys is root's."""

from __future__ import annotations

import configparser
import glob
import os
import re
import shlex
import shutil
import subprocess
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access

CONFIGURATIONS = ("/etc/supervisor/supervisord.conf", "/etc/supervisord.conf")
SECONDS = 4.0
# `shop   FATAL     Exited too quickly (process log may have details)`
_STATUS = re.compile(r"^(\S+)\s+([A-Z]+)\b\s*(.*)$", re.MULTILINE)


def configuration(words: list[str]) -> str:
    """The configuration file of a supervisord, by its command line; where that names none, the usual one."""
    for index, word in enumerate(words[:-1]):
        if word in ("-c", "--configuration"):
            return words[index + 1]
    named = [word.partition("=")[2] for word in words if word.startswith("--configuration=")]
    return next((path for path in (*named, *CONFIGURATIONS) if os.path.isfile(path)), "")


def programs(path: str) -> dict[str, dict[str, Any]]:
    """{command, user, folder} of each program in a configuration and in what it includes, by name."""
    found: dict[str, dict[str, Any]] = {}
    for file in [path, *_included(path)]:
        parser = _parsed(file)
        for section in parser.sections():
            if section.startswith("program:"):
                options = parser[section]
                found[section.partition(":")[2].strip()] = {
                    "command": _words(options.get("command", "")),
                    "user": options.get("user", ""),
                    "folder": options.get("directory", ""),
                }
    return found


def states(path: str) -> dict[str, str]:
    """What supervisorctl says of each program, such as `FATAL Exited too quickly`; empty where it could not be asked.

    It obeys its configuration, so it is not run as root where others can write that, or it itself.
    """
    return parse_status(_asked(path, "status"))


def tail(path: str, name: str) -> str:
    """The end of what a program wrote to its standard error, or to its output where the two are one; as states()."""
    return _asked(path, "tail", "-8000", name, "stderr") or _asked(path, "tail", "-8000", name)


def _asked(path: str, *words: str) -> str:
    """What supervisorctl prints; empty where it must not be run, or fails."""
    program = shutil.which("supervisorctl") or ""
    obeyed = [program, path, *_included(path)]
    if not program or os.geteuid() != 0 or any(write_access.on_the_way(file, 0) for file in obeyed):
        return ""
    try:
        done = subprocess.run(
            ["supervisorctl", "-c", path, *words], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def parse_status(text: str) -> dict[str, str]:
    """The same from what `supervisorctl status` prints; a group's program is named group:program."""
    return {name: f"{state} {more}".strip() for name, state, more in _STATUS.findall(text)}


def _included(path: str) -> list[str]:
    patterns = _parsed(path).get("include", "files", fallback="").split()
    return sorted({file for text in patterns for file in glob.glob(os.path.join(os.path.dirname(path), text))})


def _parsed(path: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", " #"))
    try:
        parser.read_string(safe_files.text(path))
    except (OSError, configparser.Error):
        return configparser.RawConfigParser()
    return parser


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
