# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A unit's properties, and the environment that systemd would start it with."""

from __future__ import annotations

import errno
import glob
import json
import os
import pwd
import re
import stat
import subprocess
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import environment_file

SHOW_TIMEOUT = 5.0
DBUS_TIMEOUT = 2.0
MOST_TEXT = 2**20
MOST_COMPLAINT = 500
# systemd's own default for system services (systemd.exec(5), "$PATH").
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A word as systemd prints it, and what it escapes in one.
_PRINTED_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\S+')
_ESCAPED = re.compile(r"\\([0-7]{3}|.)")
_AS_IN_C = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
# Of what `systemd-analyze verify` complains about, that with which the unit does not start.
_KEEPS_IT_DOWN = re.compile(r"is not executable|Refusing|will not be started|bad unit file setting")


class SystemdError(Exception):
    """systemd could not be asked; the text says why and what to do."""


def systemctl(*arguments: str, timeout: float = SHOW_TIMEOUT) -> str:
    """Run systemctl for reading and return its standard output.

    Raises SystemdError when there is no systemctl, or it gives no answer within `timeout` seconds.
    """
    return _systemctl(arguments, timeout).stdout


def change(*arguments: str, timeout: float) -> str:
    """Run systemctl for changing something. Returns why it failed, in systemd's words; empty where it did not.

    Raises SystemdError as systemctl() does. What systemd has begun by then, it goes on with. timeout: in seconds.
    """
    done = _systemctl(arguments, timeout)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("See ")]
    return " ".join(lines).strip()[:MOST_COMPLAINT] or f"exit status {done.returncode}" if done.returncode else ""


def objection(unit: str) -> str:
    """Why systemd would not start a unit as its files on disk say, in its own words; empty where it would.

    Empty too where that cannot be asked, as of a systemd before 250 (systemd-analyze(1), verify).
    """
    command = ["systemd-analyze", "--recursive-errors=no", "verify", unit]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SHOW_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = [line for line in done.stderr.splitlines() if unit in line and _KEEPS_IT_DOWN.search(line)]
    return lines[0][:MOST_COMPLAINT] if done.returncode and lines else ""


def _systemctl(arguments: tuple[str, ...], timeout: float) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            ["systemctl", "--no-pager", *arguments], capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError as error:
        raise SystemdError("systemctl is not on this host: rescue502 repairs sites that systemd runs") from error
    except subprocess.TimeoutExpired as error:
        raise SystemdError(f"systemd gave no answer within {timeout:g} s") from error
    if "has not been booted with systemd" in done.stderr:
        raise SystemdError("systemd is not PID 1 on this host: rescue502 repairs sites that systemd runs")
    return done


def show(unit: str, timeout: float = SHOW_TIMEOUT) -> dict[str, str]:
    """All properties of one unit, as `systemctl show` prints them; a key that appears twice keeps both lines.

    timeout: in seconds.
    """
    return parse_show(systemctl("show", "--all", "--", unit, timeout=timeout))


def show_many(units: list[str], properties: list[str], timeout: float = SHOW_TIMEOUT) -> list[dict[str, str]]:
    """The named properties of several units, in one call. units: names, or patterns of what systemd has loaded.

    timeout: in seconds.
    """
    if not units:
        return []
    text = systemctl("show", "--all", "--property=" + ",".join(properties), "--", *units, timeout=timeout)
    return [parse_show(block) for block in text.split("\n\n") if block.strip()]


def parse_show(text: str) -> dict[str, str]:
    """`systemctl show` output as a dict; repeated keys are joined by newlines."""
    properties: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals:
            continue
        properties[key] = f"{properties[key]}\n{value}" if properties.get(key) else value
    return properties


def number(value: str) -> int:
    """A property's value as a number; 0 for none, such as `infinity` or `[not set]`."""
    return int(value) if value.isdigit() else 0


def exec_argv(value: str) -> list[str]:
    """The argument list of an Exec*= property (`{ path=… ; argv[]=… ; … }`); empty where there is none."""
    match = re.search(r"argv\[\]=(.*?) ; ignore_errors=", value)
    return match.group(1).split() if match else []


def exec_words(properties: dict[str, str]) -> list[str]:
    """The words of a unit's ExecStart=, variables not yet put in; empty where D-Bus does not give them.

    `systemctl show` prints them without their quotes, so that one word with blanks looks like several.
    """
    commands = unit_property(properties.get("Id", ""), "Service", "ExecStart")
    try:
        return [str(word) for word in commands[0][1]]
    except (TypeError, LookupError):
        return []


def unit_property(unit: str, interface: str, name: str) -> Any:
    """A property of a unit as it is on D-Bus, where systemctl prints less of it or none; None where it cannot be had.

    interface: the last part of its name, such as `Unit` or `Service` (org.freedesktop.systemd1(5)).
    """
    escaped = re.sub(r"[^A-Za-z0-9]|^[0-9]", lambda match: f"_{ord(match.group()):02x}", unit)
    path, manager = f"/org/freedesktop/systemd1/unit/{escaped}", "org.freedesktop.systemd1"
    command = ["busctl", "--json=short", "get-property", manager, path, f"{manager}.{interface}", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DBUS_TIMEOUT, check=False)
        return json.loads(done.stdout)["data"]
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError):
        return None


def environment_file_paths(value: str) -> list[tuple[str, bool]]:
    """(path, optional) of each EnvironmentFile=, in order; patterns are expanded as systemd does."""
    paths: list[tuple[str, bool]] = []
    for line in value.splitlines():
        match = re.match(r"^(.*) \(ignore_errors=(yes|no)\)$", line.strip())
        if match:
            pattern, optional = match.group(1), match.group(2) == "yes"
            paths += [(path, optional) for path in sorted(glob.glob(pattern)) or [pattern]]
    return paths


def unit_environment(properties: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The environment systemd would give the unit's main process, and what could not be read.

    properties: the unit's, from show(). Returns (environment, problems); a problem names a file, never a value.
    """
    environment = {"PATH": DEFAULT_PATH, "LANG": "C.UTF-8"}
    problems: list[str] = []
    user = properties.get("User", "")
    if user:
        try:
            account = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
            environment.update(
                HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name, SHELL=account.pw_shell
            )
        except KeyError:
            problems.append(f"the user {user} does not exist")
    environment.update(parse_environment_property(properties.get("Environment", "")))
    for path, optional in environment_file_paths(properties.get("EnvironmentFiles", "")):
        try:
            environment.update(environment_file.parse(_regular_text(path)))
        except OSError as error:
            if not optional:
                problems.append(f"{path}: {error.strerror}")
    return environment, problems


def _regular_text(path: str) -> str:
    """A file as systemd would read it, which follows any link; but only a regular one, and never without end."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, encoding="utf-8", errors="replace") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a file", path)
        return file.read(MOST_TEXT)


def parse_environment_property(value: str) -> dict[str, str]:
    """`Environment` as `systemctl show` prints it: assignments separated by spaces, quoted and escaped where needed."""
    return dict(word.partition("=")[::2] for word in words(value) if "=" in word)


def words(value: str) -> list[str]:
    """The words of a property that is a list, such as `Requires`; systemctl quotes those that hold a backslash."""
    return [
        _ESCAPED.sub(_unescaped, word[1:-1]) if word.startswith('"') else word for word in _PRINTED_WORD.findall(value)
    ]


def unescaped_name(name: str) -> str:
    """A part of a unit's name as systemd-escape(1) unescapes it; of a path without its first slash."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found.group(1), 16)), name.replace("-", "/"))


def _unescaped(match: re.Match[str]) -> str:
    """The character that systemd has written with a backslash: as C does, or itself."""
    text = match.group(1)
    if text in _AS_IN_C:
        return _AS_IN_C[text]
    return chr(int(text, 8)) if len(text) == 3 else text


def runtime_directories(properties: dict[str, str]) -> list[str]:
    """Folders below /run that systemd makes for the unit, those above them included."""
    found = []
    for name in properties.get("RuntimeDirectory", "").split():
        path = os.path.join("/run", name.partition(":")[0])
        while path != "/run":
            found.append(path)
            path = os.path.dirname(path)
    return found
