# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A dump of a database in root's own folder: only with room for it, whole or not at all; the newest few are kept."""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from contextlib import suppress
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems

FOLDER = "backups"
MIB = 2**20
# A dump is compressed and has no indexes, but bytes that do not compress grow in it.
MARGIN = 1.2
# What has to stay free of a file system: a host without any is worse off than one without a dump.
STAYS_FREE = 0.05
# What a run that was cut off left half written is nobody's after a day.
LEFT_SECONDS = 86400
_UNSAFE = re.compile(r"[^A-Za-z0-9._@-]")


class DumpError(Exception):
    """There is no dump; the text says why, and nothing is left of it."""


class Source:
    """A database that can be dumped. Each method raises DumpError."""

    # Engine, host, port and name: what distinguishes it from another database's dumps.
    identity: dict[str, str] = {}

    def size(self) -> int:
        """Bytes that it takes on its own disk."""
        raise NotImplementedError

    def places(self, size: int) -> dict[str, int]:
        """The space needed besides the dump itself: bytes by folder."""
        return {}

    def write(self, descriptor: int, seconds: float) -> None:
        """Write the dump to an open file, within so many seconds."""
        raise NotImplementedError

    def restore(self, path: str) -> str:
        """The command with which a person brings the dump back."""
        raise NotImplementedError


def while_stopped(unit: str, command: str) -> str:
    """A command for a person that must not meet the running app."""
    return f"systemctl stop {shlex.quote(unit)} && {command} && systemctl start {shlex.quote(unit)}"


def require_room(source: Source) -> int:
    """The database's size in bytes. DumpError where its dump would not fit, or would leave too little free."""
    size = source.size()
    needed: dict[str, int] = {}
    for folder, count in [(state_directory.STATE, size), *source.places(size).items()]:
        place = filesystems.existing(folder)
        mount = next((other for other in needed if os.stat(other).st_dev == os.stat(place).st_dev), place)
        needed[mount] = needed.get(mount, 0) + int(count * MARGIN)
    for place, count in needed.items():
        numbers = os.statvfs(place)
        problem = shortage(count, numbers.f_bavail * numbers.f_frsize, numbers.f_blocks * numbers.f_frsize)
        if problem:
            raise DumpError(f"there is no room for a dump of {source.identity['name']} in {place}: {problem}")
    return size


def shortage(needed: int, free: int, total: int) -> str:
    """Why so many bytes may not be written to a file system; empty where they may."""
    stays = int(total * STAYS_FREE)
    if free - needed >= stays:
        return ""
    return f"up to {_mib(needed)} are needed and {_mib(stays)} have to stay free, of {_mib(free)} that are"


def take(source: Source, keep: int, seconds: float, lossy: bool = False) -> dict[str, Any]:
    """Dump the database: {path, bytes, seconds, restore}. The newest `keep` dumps of it stay.

    lossy: whether what comes after it may lose rows. Then it may be the only copy, and stays until a person removes it.
    Raises DumpError where there is no dump then; older ones are all kept.
    """
    begun = time.monotonic()
    try:
        folder = state_directory.made(FOLDER)
        path = _free_name(folder, source.identity["name"])
        _write(source, path, seconds)
        dump = {"path": path, "bytes": os.path.getsize(path), "restore": source.restore(path)}
        _note(path, {**source.identity, **dump, "lossy": lossy})
    except OSError as error:
        raise DumpError(f"{error.filename or state_directory.STATE}: {error.strerror or error}") from error
    _forget(folder, source.identity, keep)
    return {**dump, "seconds": round(time.monotonic() - begun, 3)}


def _free_name(folder: str, name: str) -> str:
    """A path that is not taken: an incident may well need two dumps."""
    run = state_directory.incident() or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    stem = os.path.join(folder, f"{run}-{_UNSAFE.sub('_', os.path.basename(name))[:80]}")
    paths = [f"{stem}.dump", *(f"{stem}.{number}.dump" for number in range(2, 100))]
    return next(path for path in paths if not os.path.lexists(path))


def _write(source: Source, path: str, seconds: float) -> None:
    """Write a temporary file and rename it: what has the name is whole."""
    part = f"{path}.part"
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        source.write(descriptor, seconds)
        os.fsync(descriptor)
        os.rename(part, path)
    except BaseException:
        os.unlink(part)
        raise
    finally:
        os.close(descriptor)


def _note(path: str, facts: dict[str, Any]) -> None:
    """Write what the dump is of, and how it is restored, into a file next to it."""
    with open(os.open(f"{path}.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)


def _forget(folder: str, identity: dict[str, str], keep: int) -> None:
    """Remove this database's dumps but the newest and the lossy, and what was left half written long ago."""
    dumps, halves = [], []
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.endswith(".dump") and _may_go(path, identity):
            dumps.append(path)
        elif name.endswith(".part") and time.time() - os.path.getmtime(path) > LEFT_SECONDS:
            halves.append(path)
    old = sorted(dumps, key=os.path.getmtime, reverse=True)[max(keep, 1) :]
    for path in [*halves, *old, *(f"{path}.json" for path in old)]:
        with suppress(OSError):
            os.unlink(path)


def _may_go(path: str, identity: dict[str, str]) -> bool:
    """Whether a dump is of that database, and not lossy. One without a note may be anybody's, an old one lossy."""
    try:
        with open(f"{path}.json", encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError):
        return False
    if not isinstance(facts, dict) or facts.get("lossy") is not False:
        return False
    return all(facts.get(name) == value for name, value in identity.items())


def _mib(count: int) -> str:
    return f"{max(count, 0) / MIB:.0f} MiB" if count >= MIB else f"{max(count, 0) / 1024:.0f} KiB"
