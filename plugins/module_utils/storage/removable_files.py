# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that nobody misses on a full file system: rotated logs and packages that can be fetched again.

Never more than that: not a log that is still written, not what an auditor would ask for, nothing that may be a backup.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.system import processes

LOG_TREE = "/var/log"
PACKAGES = (
    "/var/cache/apt/archives/*.deb",
    "/var/cache/apt/archives/partial/*.deb",
    "/var/cache/dnf/*/packages/*.rpm",
    "/var/cache/yum/*/*/*/packages/*.rpm",
)
# logrotate's names: x.log.1, x.log.2.gz, x.log-20240131.gz; x-20240131.log too where it is configured so.
_ROTATED = re.compile(r"^(?P<base>.+?)[.-](\d{1,3}|\d{8}(-\d+)?)(?P<log>\.log)?(\.(gz|xz|bz2|zst|lz4|Z))?$")
_KEEP = re.compile(r"(?i)sql|dump|back|\.bak|\.tar|\.tgz|\.zip|^[wb]tmp|^lastlog|audit")
_KEPT_FOLDERS = frozenset(("audit", "journal", "private"))


def find(devices: set[int], logs: list[str]) -> list[dict[str, Any]]:
    """{path, bytes, device, kind} of each file that may go from these devices: packages first, then the oldest logs.

    logs: log files that the app writes; in their folders only what was rotated from just these may go.
    """
    paths = [(path, "rotated log") for path in [*_in_log_tree(), *_rotated_from(logs)]]
    paths += [(path, "package") for pattern in PACKAGES for path in glob.glob(pattern)]
    found = []
    open_files = {(status.st_dev, status.st_ino) for _pid, _path, status in processes.open_files()}
    for path, kind in dict(paths).items():
        try:
            status = os.lstat(path)
        except OSError:
            continue
        # Removing what a process still has open would free nothing, and show that it is not dispensable.
        in_use = (status.st_dev, status.st_ino) in open_files
        if stat.S_ISREG(status.st_mode) and status.st_dev in devices and not in_use:
            size = status.st_blocks * 512
            found.append((kind, status.st_mtime, {"path": path, "bytes": size, "device": status.st_dev, "kind": kind}))
    return [item for _kind, _changed, item in sorted(found, key=lambda row: row[:2])]


def is_rotated(name: str, siblings: set[str]) -> bool:
    """Whether a file's name is that of a rotated log: of a .log, or of a file that is there next to it."""
    match = _ROTATED.match(name)
    if not match or _KEEP.search(name):
        return False
    base = match.group("base")
    return base.endswith(".log") or bool(match.group("log")) or base in siblings or base + ".log" in siblings


def _in_log_tree() -> list[str]:
    found = []
    for folder, names, files in os.walk(LOG_TREE):
        names[:] = [name for name in names if name not in _KEPT_FOLDERS]
        siblings = set(files)
        found += [os.path.join(folder, name) for name in files if is_rotated(name, siblings)]
    return found


def _rotated_from(logs: list[str]) -> list[str]:
    """Rotated from the app's own logs: the folder may hold anything else, as where it is the project's."""
    found = []
    for log in logs:
        try:
            folder, own = os.path.split(safe_files.resolve(log))
        except OSError:
            continue
        stem = own[: -len(".log")] if own.endswith(".log") else own
        for path in glob.glob(os.path.join(glob.escape(folder), glob.escape(stem) + "*")):
            match = _ROTATED.match(os.path.basename(path))
            if match and match.group("base") in (own, stem) and is_rotated(os.path.basename(path), {own}):
                found.append(path)
    return found
