# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look in the record: what was found, planned and held back, next to what earlier looks have recorded. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import edge_summary, plan, unread
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, Finding
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Cause, Record, Row


def take_in(record: Record, diagnosis: Diagnosis, planned: plan.Plan, checklist: list[Row]) -> None:
    """Take in one look. What the first look saw stays as `before`; causes of all looks are kept in order. Pure."""
    edge = edge_summary.summary(diagnosis.evidence)
    if record["edge"]["before"] is None:
        record["edge"]["before"] = edge
    record["edge"]["after"] = edge
    record["edge"]["checks"] = edge_summary.checks(diagnosis.evidence.get("edge", {}))
    record["root_causes"] = [cause for cause in record["root_causes"] if not _is_explained(cause, record, diagnosis)]
    _add(record["root_causes"], [cause for cause in diagnosis.root_causes if not _was_explained(cause, record)])
    _add(record["also_found"], diagnosis.also_found)
    earlier = {item["id"]: item for item in record["findings"]}
    earlier.update({finding.id: finding.public() for finding in diagnosis.findings})
    record["findings"] = list(earlier.values())
    record["remaining"] = [finding.id for finding in diagnosis.to_repair]
    record["unread"] = unread.listed(diagnosis.evidence)
    record["plan"] = [action.public() for action in (*planned.actions, *planned.later)]
    record["held_back"] = planned.held_back
    record["awaiting"] = planned.awaiting
    record["checklist"] = checklist
    record["passes"] += 1
    record["evidence"] = record["evidence"] or diagnosis.evidence
    record["evidence_after"] = diagnosis.evidence if record["passes"] > 1 else None


def _add(recorded: list[Cause], findings: Iterable[Finding]) -> None:
    """Take in findings of a look that no earlier look has recorded."""
    known = {item["id"] for item in recorded}
    recorded += [finding.in_short() for finding in findings if finding.id not in known]


def _is_explained(cause: Cause, record: Record, diagnosis: Diagnosis) -> bool:
    """Whether an earlier look's cause turns out to be the effect of another, and nothing was done for it."""
    treated = any(cause["id"] in action["for"] for action in record["actions"])
    return not treated and any(found.id == cause["id"] and found.is_explained for found in diagnosis.findings)


def _was_explained(finding: Finding, record: Record) -> bool:
    """Whether an earlier look had it as the effect of a cause that is repaired now, and nothing has started since.

    What the last start has said is in the log until the next one.
    """
    done = [action for action in record["actions"] if action["ok"]]
    if any(action["remedy"] == plan.RESTART for action in done):
        return False
    repaired = {cause for action in done for cause in action["for"]}
    return any(item["id"] == finding.id and repaired & {*item["explained_by"]} for item in record["findings"])
