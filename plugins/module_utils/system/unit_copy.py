# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The text of a unit that starts another one's program as that one would, and touches nothing of the other's. Pure.

The lines of the [Service] sections are copied as they stand, so that systemd itself reads them: account, groups,
environment, credentials, limits, sandbox, and ExecCondition=. What starts, stops or names other things is left out:
[Unit] and [Install], the other commands, sockets, the pid file, and the folders that systemd makes at a start and
removes at an end.
Source: systemd.service(5), systemd.exec(5), systemd.unit(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

# Matched against the name of an assignment in [Service].
_LEFT_OUT = re.compile(
    r"(Exec(Start|StartPre|StartPost|Reload|Stop|StopPost)|Type|Restart\w*|RemainAfterExit|PIDFile|BusName"
    r"|Sockets|Timeout\w+|RuntimeMaxSec|RuntimeRandomizedExtraSec|Kill(Mode|Signal)|FinalKillSignal|RestartKillSignal"
    r"|SendSIG\w+|StandardInput|StandardOutput|StandardError|StandardInputText|StandardInputData|TTY\w+|LogNamespace"
    r"|(Runtime|State|Cache|Logs|Configuration)Directory\w*|SuccessExitStatus|GuessMainPID|FileDescriptor\w+|OpenFile"
    r"|Utmp\w+|SyslogIdentifier|USBFunction\w+|OOMScoreAdjust|NotifyAccess|DynamicUser)"
)
# Folders that systemd makes for a unit, where they are, and the variable that it names them by.
_FOLDERS = (
    ("StateDirectory", "/var/lib", "STATE_DIRECTORY"),
    ("CacheDirectory", "/var/cache", "CACHE_DIRECTORY"),
    ("LogsDirectory", "/var/log", "LOGS_DIRECTORY"),
    ("ConfigurationDirectory", "/etc", "CONFIGURATION_DIRECTORY"),
    ("RuntimeDirectory", "/run", "RUNTIME_DIRECTORY"),
)
# Of which the app writes into all but the last.
_CONFIGURATION = "ConfigurationDirectory"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SPECIFIER = re.compile(r"%(.)")


def text(
    unit: str,
    files: Iterable[str],
    properties: dict[str, str],
    words: list[str],
    folder: str,
    seconds: int,
    output: str,
) -> str:
    """The copy as one unit file.

    unit: the unit's name. files: the texts of its file and drop-ins, in systemd's order. properties: as systemd shows
    them. words: what to start. folder: the name below /run of a folder of the copy's own, which goes when it ends.
    seconds: after which systemd ends it, whether we still run or not. output: a socket that takes what it writes.
    """
    lines = [_specified(line, unit) for content in files for line in _service_lines(content)]
    return "\n".join(
        [
            "[Unit]",
            "Description=A start of " + unit.replace("%", "%%") + ", tried for seconds by rescue502",
            "StartLimitIntervalSec=0",
            "[Service]",
            *lines,
            *_folder_lines(properties),
            # Nothing is left in the app's folders.
            "Environment=PYTHONDONTWRITEBYTECODE=1",
            # libpq's own limit keeps an unreachable database from eating the whole time.
            "Environment=PGCONNECT_TIMEOUT=3",
            "Type=simple",
            "Restart=no",
            f"RuntimeMaxSec={seconds}",
            # An ExecCondition= of the unit's is asked here too: it decides whether the unit starts at all.
            f"TimeoutStartSec={seconds}",
            "TimeoutStopSec=1",
            "KillMode=control-group",
            "NotifyAccess=" + (properties.get("NotifyAccess") or "none"),
            "StandardInput=null",
            # What it says may hold secrets, which are the app's own log's to keep.
            f"StandardOutput=file:{output}",
            "StandardError=inherit",
            # Where memory ends, it is the first to go.
            "OOMScoreAdjust=1000",
            f"RuntimeDirectory={folder}",
            "RuntimeDirectoryMode=0700",
            "ExecStart=" + " ".join(map(quoted, words)),
            "",
        ]
    )


def quoted(word: str) -> str:
    """A word as a unit's command line has it. `$` stays, for systemd to put the variable in.

    A word may be the app's user's: nothing in it may end the line, which for systemd a carriage return does too.
    """
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", escaped) + '"'


def _service_lines(content: str) -> Iterator[str]:
    """The assignments of a file's [Service] sections that a copy has too, continued lines in one."""
    section, joined = "", re.sub(r"\\\n(\s*[#;][^\n]*\n)*", " ", content)
    for line in map(str.strip, joined.split("\n")):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and line[0] not in "#;" and not _is_left_out(line):
            yield line


def _is_left_out(line: str) -> bool:
    return bool(_LEFT_OUT.fullmatch(line.partition("=")[0].strip()))


def _folder_lines(properties: dict[str, str]) -> Iterator[str]:
    """What the unit's own folders mean for its program, without making one: where they are, and that it may write."""
    for name, top, variable in _FOLDERS:
        paths = [f"{top}/{item.partition(':')[0]}" for item in properties.get(name, "").split()]
        if paths:
            yield f'Environment="{variable}={":".join(paths)}"'
            if name != _CONFIGURATION:
                yield "ReadWritePaths=" + " ".join(f"-{path}" for path in paths)


def _specified(line: str, unit: str) -> str:
    """A line with the specifiers that stand for the unit's name put in: the copy has another one (systemd.unit(5))."""
    base = unit.rpartition(".")[0]
    prefix, _at, instance = base.partition("@")
    values = {"n": unit, "N": base, "p": prefix, "i": instance, "j": prefix.rpartition("-")[2]}
    for upper, lower in (("P", "p"), ("I", "i"), ("J", "j")):
        values[upper] = systemd.unescaped_name(values[lower])
    values["f"] = "/" + systemd.unescaped_name(instance or prefix).lstrip("/")
    escaped = {name: value.replace("%", "%%") for name, value in values.items()}
    return _SPECIFIER.sub(lambda found: escaped.get(found.group(1), found.group()), line)
