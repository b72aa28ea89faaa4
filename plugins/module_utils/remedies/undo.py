# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take back what an incident's remedies changed, the last change first, and only what is still as they left it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.remedies.undo_handlers import (
    KINDS,
    Entry,
    LeftError,
    run,
)
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.services.git import GitError

UNIT_FOLDERS = ("/etc/systemd/system/", "/run/systemd/system/")
NGINX = "/etc/nginx/"


def take_back(incident: str, dry: bool, remedies: Collection[str] = ()) -> dict[str, Any]:
    """Walk an incident's record backwards. dry: change nothing. remedies: whose entries; all where none is named.

    Returns {undone, left: [{what, why}], by_hand: [{what, by_hand}], reload_nginx}; `undone` says what each thing that
    was changed is again. Raises FileNotFoundError where this host has no such record.
    """
    entries = undo_log.read(incident)
    over = {entry["of"] for entry in entries if entry["kind"] == "undone"}
    undone: dict[tuple[str, ...], str] = {}
    left, restored = [], []
    for number, entry in reversed(list(enumerate(entries))):
        if number in over or entry["kind"] not in KINDS or (remedies and entry.get("remedy") not in remedies):
            continue
        subject = tuple(str(entry.get(name, "")) for name in ("kind", "path", "checkout", "unit", "user", "group"))
        try:
            # In a dry run a later change of the same thing still stands, and was reported already.
            changed = (dry and subject in undone) or KINDS[entry["kind"]](entry, dry)
        except (LeftError, GitError, OSError, KeyError) as error:
            left.append({"what": describe(entry), "why": str(error)})
            continue
        if changed:
            undone[subject] = describe(entry)
            restored.append(entry)
        if not dry:
            undo_log.mark_undone(incident, number)
    if not dry and any(entry.get("path", "").startswith(UNIT_FOLDERS) for entry in restored):
        run("systemctl", "daemon-reload")
    return {
        "undone": list(undone.values()),
        "left": left,
        "by_hand": [
            {"what": entry["what"], "by_hand": entry["by_hand"]}
            for entry in reversed(entries)
            if entry["kind"] == "irreversible" and (not remedies or entry.get("remedy") in remedies)
        ],
        "reload_nginx": any(
            entry["kind"] == "membership" or entry.get("path", "").startswith(NGINX) for entry in restored
        ),
    }


def describe(entry: Entry) -> str:
    """The change that is taken back, in a few words."""
    before, nothing = entry.get("before"), "it was not there"
    if entry["kind"] == "owner_and_mode" and before:
        return f"{entry['path']}: owner {before[0]}:{before[1]}, mode {before[2]:04o}"
    if entry["kind"] == "owners" and before:
        return f"{entry['path']}: owner {before[0]}:{before[1]} of {len(entry['names'])} in it"
    return {
        "file": f"{entry.get('path')}: {'its content' if before else nothing}",
        "folder": f"{entry.get('path')}: {nothing}",
        "environment": f"{entry.get('path')}: {'the one before' if entry.get('kept_at') else nothing}",
        "commit": f"{entry.get('checkout')}: commit {before}",
        "unit": f"{entry.get('unit')}: {before}",
        "membership": f"{entry.get('user')}: no member of the group {entry.get('group')}",
    }.get(entry["kind"], str(entry["kind"]))
