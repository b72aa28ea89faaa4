# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verdict: what a run came to, from its record."""

from __future__ import annotations

from typing import Any

AS_ROOT = "look again as root (`become: true`, or without --no-become)"
# Outcomes that leave the site answering; every other one fails the play.
GOOD = ("healthy", "recovered", "degraded")


def judge(data: dict[str, Any], check_mode: bool) -> tuple[str, str]:
    """(outcome, one line that says why) of a record whose looks and actions are all in."""
    after = data["edge"]["after"] or {"well": False, "summary": "the edge was never asked"}
    remaining = data.get("remaining", [])
    acted = [action for action in data["actions"] if action["changed"]]
    if data.get("locked_by") and not check_mode:
        return "locked", f"{after['summary']}; another run is at work on this host: {data['locked_by']}"
    if data.get("worn") and remaining:
        return "needs-human", f"{after['summary']}; not tried again: {'; '.join(data['worn'])}"
    if after["well"] and not check_mode:
        if remaining:
            return "degraded", f"the edge answers ({after['summary']}), but {', '.join(remaining)} remains"
        if acted:
            return "recovered", f"the edge answers again: {after['summary']}"
        return "healthy", f"the edge answers: {after['summary']}"
    if after["well"] and not remaining:
        return "healthy", f"the edge answers: {after['summary']}"
    if data["plan"] and (check_mode or data["mode"] == "diagnose"):
        todo = ", ".join(action["remedy"] for action in data["plan"])
        return "planned", f"{after['summary']}; to be done: {todo}"
    if after["well"]:
        return "degraded", f"the edge answers ({after['summary']}), but {', '.join(remaining)} remains"
    if any(item["approve_with"] for item in data["awaiting"]):
        names = [item["id"] for item in data["awaiting"] if item["approve_with"]]
        return "needs-approval", f"{after['summary']}; waits for approval: {', '.join(names)}"
    if data["awaiting"]:
        names = [item["id"] for item in data["awaiting"]]
        return "needs-human", f"{after['summary']}; needs a person: {', '.join(names)}"
    if not remaining and data.get("unread"):
        return "needs-human", f"{after['summary']}; the cause cannot be told without what was not read: {AS_ROOT}"
    if not remaining:
        return "needs-human", f"{after['summary']}; the cause is not known: the evidence is in the report"
    if data.get("overdue"):
        return "failed", f"{after['summary']}; {data['overdue']}: run it again, or raise rescue502_deadline"
    if data["mode"] == "verify":
        return "failed", f"{after['summary']}; a verification only looks: recover would mend it"
    return "failed", f"{after['summary']}; the remedies did not bring the site back"
