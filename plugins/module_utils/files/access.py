# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accounts as the kernel compares them with a file: ids, groups and capabilities (path_resolution(7))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, sockets

READ, WRITE, ENTER = 4, 2, 1
# What a glance takes in: enough to see a deployment as the wrong user, little enough for a folder of a million uploads.
GLANCE = 2000
SKIP_NAMES = frozenset({".git", "node_modules", "__pycache__"})
# Those that pass over owners and modes (capabilities(7)), as systemd writes them, each with its bit.
_CAPABILITIES = {"cap_dac_override": 1 << 1, "cap_dac_read_search": 1 << 2}
_PASSES_OVER_MODES = sum(_CAPABILITIES.values())


class Account:
    """An account's numbers. capabilities: the bits of those that pass over owners and modes. pid: whose it is, or 0.

    hidden: paths at which it sees other files than this process, where it has no process to look with.
    """

    hidden: frozenset[str] = frozenset()

    def __init__(self, user: str, group: str | None) -> None:
        """Raises KeyError where user or group is unknown."""
        self.uid, self.gid, groups = accounts.account_ids(user, group or None)
        self.groups = {self.gid, *groups}
        self.capabilities = 0 if self.uid else _PASSES_OVER_MODES
        self.pid = 0

    @classmethod
    def of_process(cls, pid: int) -> Account:
        """Who a running process is now, whatever the accounts say since it started. Raises OSError, ValueError."""
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            lines = dict(line.rstrip("\n").split(":", 1) for line in file if ":" in line)
        account = cls.__new__(cls)
        account.uid, account.gid = int(lines["Uid"].split()[1]), int(lines["Gid"].split()[1])
        account.groups = {account.gid, *(int(word) for word in lines["Groups"].split())}
        account.capabilities = int(lines["CapEff"], 16) & _PASSES_OVER_MODES
        account.pid = pid
        return account

    @classmethod
    def of_unit(cls, user: str, group: str | None, properties: dict[str, str]) -> Account:
        """Who a unit's processes are: as they run, else as systemd would start them (systemd.exec(5)).

        user, group: what the app runs as, which may be others than the unit's own. properties: the unit's. Raises
        KeyError where user or group is unknown.
        """
        account = cls(user, group)
        for pid in sockets.unit_pids(properties):
            try:
                running = cls.of_process(pid)
            except (OSError, ValueError, KeyError):
                continue
            if running.uid == account.uid:
                return running
        account.groups.update(accounts.supplementary_groups(properties))
        granted = properties.get("AmbientCapabilities" if account.uid else "CapabilityBoundingSet")
        if granted is not None:
            account.capabilities = sum(bit for name, bit in _CAPABILITIES.items() if name in granted.lower().split())
        account.hidden = frozenset(own_mounts(properties))
        return account

    def facts(self) -> dict[str, Any]:
        """What a script takes that becomes this account; of its process, the namespaces that decide about files."""
        return {
            "uid": self.uid,
            "gid": self.gid,
            "groups": sorted(self.groups),
            "capabilities": self.capabilities,
            "namespaces": _foreign_namespaces(self.pid) if self.pid else {},
        }

    def may(self, status: os.stat_result, wanted: int) -> bool:
        """Whether the mode bits alone allow all of `wanted` (READ, WRITE, ENTER) on a file with this status."""
        if self.uid == 0:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.groups else 0
        return status.st_mode >> shift & wanted == wanted


def own_mounts(properties: dict[str, str]) -> Iterator[str]:
    """Where a unit that is started gets another view of the files than the host's (systemd.exec(5), Sandboxing)."""
    for option in ("RootDirectory", "RootImage"):
        if properties.get(option):
            yield "/"
    for option in ("BindPaths", "BindReadOnlyPaths"):
        for bind in properties.get(option, "").split():
            source, _colon, rest = bind.lstrip("-").partition(":")
            yield rest.partition(":")[0] or source
    for folder in properties.get("TemporaryFileSystem", "").split():
        yield folder.partition(":")[0]
    if properties.get("ProtectHome") == "tmpfs":
        yield from ("/home", "/root", "/run/user")


def _foreign_namespaces(pid: int) -> dict[str, str]:
    """The namespaces of a process that this one is not in and that decide about files: {kind: path}."""
    found = {}
    for kind in ("mnt", "user"):
        path = f"/proc/{pid}/ns/{kind}"
        try:
            if os.readlink(path) != os.readlink(f"/proc/self/ns/{kind}"):
                found[kind] = path
        except OSError:
            continue
    return found
