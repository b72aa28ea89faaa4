# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run made no better, or worse: remedies to take back, and an edge that is worse than it was. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import edge_summary
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Done, Record


def in_vain(record: Record, found: Diagnosis) -> list[Done]:
    """The remedies since the last look that this one finds no better for, and that can be taken back exactly.

    record: as it was before this look. A remedy has helped where one of its causes is no longer found, or the edge is
    better; where the edge is worse, none has.
    """
    recent = [done for done in record["actions"] if done.get("look") == record["passes"]]
    edge = found.evidence.get("edge")
    if not recent or not isinstance(edge, dict) or not isinstance(edge.get("well"), bool):
        return []
    before, now = _failed(record["edge"]["checks"]), _failed(edge_summary.checks(edge))
    ids = {finding.id for finding in found.findings}
    worse = bool(now - before)
    better = bool(before - now) and not worse
    return [
        done
        for done in recent
        if _is_exact(done) and (worse or (not better and set(done["for"]) <= ids)) and not done.get("taken_back")
    ]


def mark(done: Done) -> str:
    """The name of one remedy of one run in the host's undo record, as playbooks/tasks/remedy.yml gives it."""
    return f"{done['look']}-{done['remedy']}"


def worse_for(record: Record) -> str:
    """How the edge is worse than before this run had changed anything, in a few words; empty where it is not."""
    before, after = record["edge"]["before"], record["edge"]["after"]
    if before is None or after is None or not any(action["changed"] for action in record["actions"]):
        return ""
    first = record.get("evidence", {}).get("edge")
    asked = edge_summary.checks(first) if isinstance(first, dict) else []
    was_well = {str(check.get("name")) for check in asked if check.get("well") is True}
    lost = sorted(was_well & _failed(record["edge"].get("checks", [])))
    if before["well"] and not after["well"]:
        return f"the edge is worse than before this run: {after['summary']}, where it was {before['summary']}"
    return (
        f"the edge is worse than before this run: {after['summary']}; before, {', '.join(lost)} was well"
        if lost
        else ""
    )


def _failed(checks: list[dict[str, Any]]) -> set[str]:
    return {str(check.get("name")) for check in checks if check.get("well") is not True}


def _is_exact(done: Done) -> bool:
    return done["changed"] and remedies.get(done["remedy"]).undo == "exact"
