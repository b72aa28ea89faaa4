# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports of incidents, kept on the host that they are about: a controller's folder may be gone with its container.

Each is one compressed file in the state folder, root's alone; the newest ones stay, as long as all are small enough. Of
runs that find the same each time and do nothing, as on a schedule, the last one's report stays.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import zlib
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory

FOLDER = "reports"
MOST, MOST_BYTES = 20, 10 * 2**20
# Of one record, before it is compressed: more than any has.
LARGEST = 16 * 2**20
# Whose incident anybody was notified of last, by notification.fingerprint().
LAST_NEWS = "last_news"
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


def keep(incident: str, record: str) -> None:
    """Keep a report, as JSON text, and remove the oldest ones for it.

    Raises OSError where it cannot be kept, ValueError where it is too large, or it or its id is not an incident's.
    """
    if not _NAME.fullmatch(incident):
        raise ValueError(f"'{incident[:80]}' is not an incident's id")
    packed = gzip.compress(record.encode(), 6)
    if len(record) > LARGEST or len(packed) > MOST_BYTES:
        raise ValueError("the report is too large to be kept")
    folder = state_directory.made(FOLDER)
    sizes = {name: os.lstat(os.path.join(folder, f"{name}.json.gz")).st_size for name in kept() if name != incident}
    room, count = MOST_BYTES - len(packed), MOST - 1
    for name in sorted(sizes, reverse=True):
        room, count = room - sizes[name], count - 1
        if room < 0 or count < 0:
            _remove(os.path.join(folder, f"{name}.json.gz"))
    for name in kept()[-1:]:
        if name != incident and _finds_the_same(read(name), json.loads(record)):
            _remove(os.path.join(folder, f"{name}.json.gz"))
    atomic_write.replace(os.path.join(folder, f"{incident}.json.gz"), packed)


def _finds_the_same(before: Any, now: Any) -> bool:
    """Whether two runs have come to the same, and neither has done anything."""
    if not isinstance(before, dict) or not isinstance(now, dict) or before.get("actions") or now.get("actions"):
        return False
    return _found(before) == _found(now)


def _found(record: dict[str, Any]) -> tuple[Any, list[Any], Any]:
    causes = record.get("root_causes")
    ids = [cause.get("id") for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []
    return record.get("outcome"), ids, record.get("remaining")


def kept() -> list[str]:
    """Ids of the incidents whose reports are here, the oldest first; their names sort by time."""
    try:
        names = os.listdir(state_directory.path(FOLDER))
    except OSError:
        return []
    return sorted(name[: -len(".json.gz")] for name in names if name.endswith(".json.gz") and _NAME.match(name))


def read(incident: str) -> dict[str, Any]:
    """A report; empty where there is none, or it is damaged."""
    path = state_directory.path(FOLDER, f"{incident}.json.gz")
    try:
        with os.fdopen(safe_files.open_entry(path), "rb") as file, gzip.open(file) as unpacked:
            found = json.loads(unpacked.read(LARGEST))
    except (OSError, ValueError, EOFError, RecursionError, zlib.error):
        return {}
    return found if isinstance(found, dict) else {}


def last_news(well: float) -> str:
    """The fingerprint of what anybody was notified of last; empty where that is not known.

    well: when the site was last seen to be well, in seconds since the epoch; what was before that has ended.
    """
    path = state_directory.path(LAST_NEWS)
    try:
        return "" if os.lstat(path).st_mtime < well else safe_files.read_bytes(path, 64).decode("ascii", "replace")
    except OSError:
        return ""


def remember_news(fingerprint: str) -> None:
    """Keep what anybody was notified of. Raises OSError where it cannot be kept."""
    atomic_write.replace(os.path.join(state_directory.made(), LAST_NEWS), fingerprint.encode())


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        safe_files.remove(path)
