# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A concluded incident as data: what its task returns, and what a run hands on to a workflow (docs/awx.md). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record

_OF_AN_ACTION = ("remedy", "for", "changed", "ok", "seconds", "taken_back")


def result(record: Record) -> dict[str, Any]:
    """{outcome, root_causes, awaiting, by_hand, actions, undo, seconds} of a host.

    awaiting: approvals as `rescue502_approve` takes them, each with its host. by_hand: by failure mode, what a person
    does. undo: the incident's id where something can be taken back, else empty.
    """
    return {
        "outcome": record["outcome"],
        "root_causes": [cause["id"] for cause in record["root_causes"]],
        "awaiting": awaiting(record),
        "by_hand": {item["id"]: item["by_hand"] for item in record["awaiting"]},
        "actions": [{key: action.get(key) for key in _OF_AN_ACTION} for action in record["actions"]],
        "undo": record["incident"] if can_be_undone(record) else "",
        "seconds": record["seconds"],
    }


def artifacts(records: Iterable[Record]) -> dict[str, Any]:
    """What set_stats is given for a run's hosts."""
    run = list(records)
    return {
        "rescue502_outcomes": {record["host"]: record["outcome"] for record in run},
        "rescue502_awaiting": [name for record in run for name in awaiting(record)],
        "rescue502_summary": {record["host"]: _summary(record) for record in run},
        "rescue502_incidents": {record["host"]: record["incident"] for record in run},
    }


def _summary(record: Record) -> str:
    causes = ", ".join(cause["id"] for cause in record["root_causes"])
    return f"{record['outcome']}{': ' if causes else ''}{causes}, {record['seconds'] or 0:.1f} s"


def awaiting(record: Record) -> list[str]:
    """The approvals that are waited for, as `id@host`: one given in a workflow must not hold for other hosts."""
    named = [item["approval"] for item in record["awaiting"] if item["approve_with"]]
    return [name if "@" in name else f"{name}@{record['host']}" for name in named]


def can_be_undone(record: Mapping[str, Any]) -> bool:
    """Whether something was changed that can be taken back. A check changes nothing, whatever its remedies say."""
    changed = [action["remedy"] for action in record["actions"] if action.get("changed")]
    return record["outcome"] != "planned" and any(remedies.get(name).undo != "nothing" for name in changed)
