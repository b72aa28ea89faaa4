# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What SELinux or AppArmor refused, in the kernel's own audit lines, while it is in force.

Only the kernel's lines count: those of the journal's transports `audit` and `kernel`, and of auditd's file, which is
root's. Anybody can write such words with syslog. Sources: selinuxproject.org "NB AL", security/apparmor/audit.c.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import journal, unread

RECENT_SECONDS = 600.0
MOST = 10
TAIL_BYTES = 262144
SELINUX = "/sys/fs/selinux/enforce"
APPARMOR = "/sys/kernel/security/apparmor/profiles"
AUDIT_LOG = "/var/log/audit/audit.log"
# Of a refusal as parsed() has it, the part of the stack that met it.
Whose = Callable[[dict[str, Any]], str]
_STAMP = re.compile(r"audit\((\d+)\.(\d+):\d+\)")
_AVC = re.compile(r"avc:\s+denied\s+\{ (?P<what>[^}]*) \} for\s+(?P<rest>.*)")
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')
_HEXADECIMAL = re.compile(r"^(?:[0-9A-F]{2})+$")


def in_force() -> list[str]:
    """Which of the two the kernel enforces: selinux, apparmor."""
    found = ["selinux"] if _end(SELINUX) == "1" else []
    return [*found, "apparmor"] if "(enforce)" in _end(APPARMOR, TAIL_BYTES) else found


def denials(whose: Whose) -> Any:
    """What the stack was refused in the last minutes, the newest first, each kind of refusal once; at most MOST.

    whose: says of a refusal, as parsed() has it, which part of the stack met it; empty for what others met. Each is
    {of, by, what, target, kind, port, program, subject, label, ago, count}. None where no policy is in force.
    """
    policies = in_force()
    if not policies:
        return None
    since = time.time() - RECENT_SECONDS
    words = [f"--since=@{int(since)}", "--grep=avc: .denied|apparmor=.DENIED"]
    lines = [
        (entry.when, entry.message)
        for transport in ("audit", "kernel")
        for entry in journal.entries(f"_TRANSPORT={transport}", *words)
    ]
    lines += [(stamp(line), line) for line in _end(AUDIT_LOG, TAIL_BYTES).splitlines()]
    found = judged(lines, policies, whose, since, time.time())
    return unread.reported(found, "what the kernel's access policy refused", journal.barred())


def judged(
    lines: list[tuple[float, str]], policies: list[str], whose: Whose, since: float, now: float
) -> list[dict[str, Any]]:
    """denials() of these lines, each with its time in seconds since the epoch."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    # The same line may stand in the journal and in auditd's file.
    seen: set[str] = set()
    for when, line in sorted(lines, reverse=True):
        item = parsed(line)
        event = _STAMP.search(line)
        mark = event.group() if event else f"{when} {line}"
        if not item or when < since or item["by"] not in policies or mark in seen:
            continue
        of = whose(item)
        if not of:
            continue
        seen.add(mark)
        del item["pid"]
        key = (of, *item.values())
        found.setdefault(key, {"of": of, **item, "ago": round(now - when, 1), "count": 0})["count"] += 1
    return list(found.values())[:MOST]


def stamp(line: str) -> float:
    """When the kernel wrote an audit line, in seconds since the epoch; 0 where it does not say."""
    match = _STAMP.search(line)
    return float(f"{match.group(1)}.{match.group(2)}") if match else 0.0


def parsed(line: str) -> dict[str, Any] | None:
    """A line in which something was refused; None for any other, and where the policy only watches.

    by: selinux or apparmor. what: the permission or operation. target: the file or name, as far as the line has it.
    kind: the class of the target. port: of a socket, else 0. subject: the domain or profile. label: the target's type.
    """
    if match := _AVC.search(line):
        fields = _fields(match.group("rest"))
        if fields.get("permissive") == "1":
            return None
        return {
            "by": "selinux",
            "what": match.group("what").strip(),
            "target": fields.get("path") or fields.get("name") or "",
            "kind": fields.get("tclass", ""),
            "port": _number(fields.get("dest") or fields.get("src") or ""),
            "program": fields.get("comm", ""),
            "subject": _type(fields.get("scontext", "")),
            "label": _type(fields.get("tcontext", "")),
            "pid": _number(fields.get("pid", "")),
        }
    fields = _fields(line)
    if fields.get("apparmor") != "DENIED":
        return None
    return {
        "by": "apparmor",
        "what": fields.get("operation", "") + (f" ({fields['denied_mask']})" if fields.get("denied_mask") else ""),
        "target": fields.get("name") or fields.get("addr") or fields.get("capname") or "",
        "kind": fields.get("class", ""),
        "port": _number(fields.get("dport") or fields.get("fport") or fields.get("lport") or ""),
        "program": fields.get("comm", ""),
        "subject": fields.get("profile", ""),
        "label": "",
        "pid": _number(fields.get("pid", "")),
    }


def _fields(text: str) -> dict[str, str]:
    """Fields of an audit line; one whose value is not in quotes and is all hexadecimal holds odd characters."""
    found = {}
    for name, quoted, plain in _FIELD.findall(text):
        value = quoted or plain
        if plain and name in ("name", "path", "comm", "profile") and _HEXADECIMAL.match(plain):
            value = bytes.fromhex(plain).decode("utf-8", "replace")
        found[name] = value[:300]
    return found


def _type(context: str) -> str:
    """The type of user:role:type:level."""
    parts = context.split(":")
    return parts[2] if len(parts) > 2 else context


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _end(path: str, size: int = 4096) -> str:
    """The last `size` bytes of a file; empty where there is none, or it cannot be read."""
    try:
        with open(path, "rb") as file:
            # Files of the kernel's own have no size.
            if os.fstat(file.fileno()).st_size > size:
                file.seek(-size, os.SEEK_END)
            return file.read(size).decode("utf-8", "replace").strip()
    except OSError:
        return ""
