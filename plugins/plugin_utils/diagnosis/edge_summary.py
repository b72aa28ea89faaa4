# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The edge in a few words, from evidence of which a host may answer anything."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import EdgeState


def checks(edge: dict[str, Any]) -> list[dict[str, Any]]:
    """The edge's checks, of which a host may answer anything."""
    asked = edge.get("checks")
    return [check for check in asked if isinstance(check, dict)] if isinstance(asked, list) else []


def summary(evidence: dict[str, Any]) -> EdgeState:
    """Whether the edge is well, and in a few words what it answers."""
    edge = evidence.get("edge")
    if not isinstance(edge, dict):
        return {"well": False, "summary": "the edge could not be asked"}
    asked = checks(edge)
    hold = evidence.get("hold", {})
    well = bool(edge.get("well")) and hold.get("well", True) is True
    bad = [check for check in asked if not check.get("well")]
    if bad:
        shown = bad[0]
        what = f"{shown.get('status') or shown.get('error')} on {shown.get('name')}"
        text = what + (f" and {len(bad) - 1} more" if len(bad) > 1 else "")
    elif hold and not well:
        text = f"did not hold: {hold.get('broken_by')}"
    elif asked:
        statuses = sorted({str(check.get("status")) for check in asked})
        text = f"{', '.join(statuses)} on {len(asked)} check{'s' if len(asked) != 1 else ''}"
    else:
        text = "nginx hands no requests to this app"
    return {"well": well, "summary": text}
