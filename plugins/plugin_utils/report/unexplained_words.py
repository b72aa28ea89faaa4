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
    reported and nobody knows is shown unless a cause lies in nginx; the others' words, only where there is no cause.
    """
    if well:
        return []
    named = list(causes)
    found = []
    if not any(name.startswith("proxy/") for name in named):
        of_this_app = [] if named else _lines(evidence, "proxy", "errors")
        found.append(("nginx", _lines(evidence, "proxy", "reported") or of_this_app))
    if not named:
        app = _lines(evidence, "shadow_start", "words") or _lines(evidence, "log", "errors")
        found += [("the app", app), ("PostgreSQL", _lines(evidence, "database_startup", "reason"))]
    return [{"who": who, "lines": lines} for who, lines in found if lines]


def _lines(evidence: Mapping[str, Any], section: str, fact: str) -> list[str]:
    """The newest lines of a fact, which is a text or a list of texts; none where it is not there or anything else."""
    facts = evidence.get(section)
    value = facts.get(fact) if isinstance(facts, Mapping) else None
    texts = value if isinstance(value, list) else [value]
    return [text.strip() for text in texts if isinstance(text, str) and text.strip()][-LINES:]
