# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What programs said in an outage and no failure mode explains: where no cause is named, it is the evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# As many of the newest lines of each.
LINES = 3


def heard(evidence: Mapping[str, Any], causes: Iterable[str], well: bool) -> list[dict[str, Any]]:
    """Who said what, from the edge down: {who, lines}; nothing of an edge that is well.

    evidence: of the last look, of which a host may answer anything. causes: the ids of the root causes. What nginx
    reported and nobody knows is shown unless a cause lies in nginx; the others' words, only where there is no cause:
    systemd's on each of the two units that does not run, the app's, and PostgreSQL's.
    """
    if well:
        return []
    named = list(causes)
    found = []
    if not any(name.startswith("proxy/") for name in named):
        # Older lines may be of what has ended by now.
        of_this_look = [] if named else _lines(evidence, "proxy", "said")
        found.append(("nginx", of_this_look or _lines(evidence, "proxy", "reported")))
    if not named:
        found.append(("systemd", [line for section in ("proxy", "service") if (line := _unit(evidence, section))]))
        app = _lines(evidence, "shadow_start", "words") or _lines(evidence, "log", "errors")
        found += [
            ("the app", app or _lines(evidence, "log", "lines")),
            ("PostgreSQL", _lines(evidence, "database_startup", "reason")),
        ]
    return [{"who": who, "lines": lines} for who, lines in found if lines]


def _lines(evidence: Mapping[str, Any], section: str, fact: str) -> list[str]:
    """The newest lines of a fact, which is a text or a list of texts; none where it is not there or anything else."""
    facts = evidence.get(section)
    value = facts.get(fact) if isinstance(facts, Mapping) else None
    texts = value if isinstance(value, list) else [value]
    return [text.strip() for text in texts if isinstance(text, str) and text.strip()][-LINES:]


def _unit(evidence: Mapping[str, Any], section: str) -> str:
    """What systemd says of a section's unit in its own words; empty of one that runs, or of which it is not known."""
    facts = evidence.get(section)
    unit = facts.get("unit") if isinstance(facts, Mapping) else None
    if not isinstance(unit, Mapping) or unit.get("active_state") in (None, "active"):
        return ""
    words = [unit.get(name) for name in ("load_state", "active_state", "sub_state")]
    result, status = unit.get("result"), unit.get("exit_status")
    parts = [
        f"{unit.get('name')} is {', '.join(str(word) for word in words if word)}",
        f"Result={result}" if result and result != "success" else "",
        f"status={status}" if status else "",
        str(unit.get("load_error") or ""),
    ]
    return ", ".join(part for part in parts if part)
