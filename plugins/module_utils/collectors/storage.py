# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Storage: the file systems that the app and its database live on, and what fills one that is full."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import files
from ansible_collections.rescue502.django.plugins.module_utils.files import unit_view
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql_wal
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.storage import (
    disk_usage,
    locations,
    removable_files,
    temporary_folders,
)
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, hidden_paths, missing_mounts

# A server that wants a new piece of its write-ahead log needs this much in one piece.
WAL_SEGMENT_MIB = 16


def collect(
    stack: Stack,
    database: dict[str, Any],
    settings: dict[str, Any] | None = None,
    linked: Sequence[str] = (),
    glance: bool = False,
) -> dict[str, Any]:
    """{file_systems, full, without_inodes, read_only, temporary, unmounted, hidden}: of the first, those that it is
    true of. unmounted: file systems that this host is set up to have there, and has not now. hidden: those that lie
    over what the app needs.

    database: its evidence. settings: what the rehearsal learnt of Django's settings. linked: folders that packages are
    linked from, and that the app cannot use. glance: leave out what fills them.
    """
    media, static = files.media_and_static(stack, settings)
    folders = (settings or {}).get("file_folders") or []
    wanted = locations.needed(stack, database, files.log_files(stack, settings), media, static, folders)
    # Logs and uploads may well be meant to begin anew on a disk of their own.
    lasting = [place for place in wanted if place["purpose"] in ("the code", "the database")]
    systems = _file_systems(wanted, stack.properties)
    _add_starved_databases(systems, database)
    _spare_temporary(systems)
    full, without = (_by_device(systems, wrong) for wrong in ("full", "without_inodes"))
    if not glance:
        logs = files.log_files(stack, settings)
        servers = database.get("folders", [])
        filled = {item["device"]: {**_filled_by(item, logs), **_log_kept(item, servers)} for item in [*full, *without]}
        for item in [*full, *without]:
            item.update(filled[item["device"]])
    return {
        "file_systems": systems,
        "full": full,
        "without_inodes": without,
        "read_only": _read_only(systems),
        "temporary": temporary_folders.wrong(),
        **({} if glance else {"unmounted": _by_mount([*wanted, *map(_linked, linked)], _missing_above())}),
        **({"hidden": hidden} if not glance and (hidden := _by_mount(lasting, hidden_paths.mount_over)) else {}),
    }


def _linked(path: str) -> locations.Place:
    return {"path": path, "purpose": "a linked package"}


def _missing_above() -> Callable[[str], str]:
    missing = missing_mounts.missing()
    return lambda path: missing_mounts.above(path, missing)


def _by_mount(wanted: list[locations.Place], point_of: Callable[[str], str]) -> list[dict[str, Any]]:
    """{mount_point, paths, purposes} of each mount point that this names for one of the places."""
    found: dict[str, list[locations.Place]] = {}
    for place in wanted:
        if point := point_of(place["path"]):
            found.setdefault(point, []).append(place)
    return [
        {"mount_point": point, "paths": sorted({place["path"] for place in places}), "purposes": _purposes(places)}
        for point, places in sorted(found.items())
    ]


def _file_systems(wanted: list[locations.Place], properties: dict[str, str]) -> list[dict[str, Any]]:
    """One entry for each mount point, with the places that live on it. properties: the unit's, which may see others."""
    mounts = filesystems.mount_points()
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for place in wanted:
        facts = filesystems.facts(place["path"], mounts, _seen(place, properties))
        if facts:
            known = found.setdefault((facts["device"], facts["mount_point"]), dict(facts, places=[]))
            known["places"].append(dict(place))
    return list(found.values())


def _seen(place: locations.Place, properties: dict[str, str]) -> str:
    """By which path the unit's own file system at a place is reached; empty where it has none, or no way."""
    path = place["path"]
    seen = unit_view.reached(path, properties) or path
    return seen if seen != path and os.path.exists(seen) else ""


def _by_device(systems: list[dict[str, Any]], wrong: str) -> list[dict[str, Any]]:
    """Those that something is wrong with, each once, wherever it is mounted: what is free is so for all its mounts."""
    found: dict[int, dict[str, Any]] = {}
    for item in systems:
        if item[wrong]:
            known = found.setdefault(item["device"], dict(item, places=[], mount_points=[], vital=False))
            known["places"] += item["places"]
            known["mount_points"].append(item["mount_point"])
            known["vital"] = known["vital"] or item["vital"]
            known["purposes"] = _purposes(known["places"])
    return list(found.values())


def _purposes(wanted: list[locations.Place]) -> list[str]:
    return list(dict.fromkeys(place["purpose"] for place in wanted))


def _add_starved_databases(systems: list[dict[str, Any]], database: dict[str, Any]) -> None:
    """A few MiB are nothing to a server that is down because it could not get the next 16."""
    if database.get("running") or database.get("listening"):
        return
    folders = [folder for folder in database.get("folders", []) if postgresql_wal.ran_out_of_space(folder)]
    for item in systems:
        own = any(place["purpose"] == "the database" for place in item["places"])
        # The same words are PostgreSQL's where no inode is left.
        short = item["free_mib"] < WAL_SEGMENT_MIB and not item["without_inodes"]
        if own and folders and short and not item["read_only"]:
            item["full"] = True


def _spare_temporary(systems: list[dict[str, Any]]) -> None:
    """Python takes the next folder for temporary files where one is full: only the last one's end is an end."""
    for wrong in ("full", "without_inodes", "read_only"):
        having = [item for item in systems if any(place["purpose"] == "temporary files" for place in item["places"])]
        at_the_end = bool(having) and all(item[wrong] for item in having)
        for place in (place for item in having for place in item["places"] if place["purpose"] == "temporary files"):
            place["vital"] = place["vital"] or at_the_end
            place["writes"] = place["writes"] or at_the_end
    for item in systems:
        item["vital"] = any(place["vital"] for place in item["places"])
        item["purposes"] = _purposes(item["places"])


def _read_only(systems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that are mounted for reading though something on them must be written; `places` is just that."""
    found = []
    for item in systems:
        needed = [place for place in item["places"] if place["writes"]]
        if item["read_only"] and needed:
            found.append(dict(item, places=needed, purposes=_purposes(needed)))
    return found


def _filled_by(item: dict[str, Any], logs: list[str]) -> dict[str, Any]:
    """The largest files and folders of a file system, and how much of it could go."""
    first = [*(os.path.dirname(path) for path in logs), removable_files.LOG_TREE, "/var/cache", "/tmp", "/var/tmp"]
    spare = removable_files.find({item["device"]}, logs)
    return {
        "largest": disk_usage.largest(item["mount_points"], item["device"], first),
        "deleted": disk_usage.deleted(item["device"]),
        "dispensable_mib": filesystems.mib(sum(file["bytes"] for file in spare)),
        "dispensable_files": len(spare),
    }


def _log_kept(item: dict[str, Any], folders: list[str]) -> dict[str, Any]:
    """{wal} of a file system on which a server keeps log that it does not need itself; empty without such."""
    for folder in folders:
        wal = postgresql_wal.kept(folder)
        if wal and os.stat(wal["folder"]).st_dev == item["device"]:
            return {"wal": {**wal, "share": int(100 * wal["mib"] / item["total_mib"]) if item["total_mib"] else 0}}
    return {}
