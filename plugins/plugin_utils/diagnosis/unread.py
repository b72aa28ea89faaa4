# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts that the account that looked could not read, and the conditions that this leaves open. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Unread

# What the diagnosis derives from a fact is as unread as that.
_DERIVED = {"rehearsal": ("app",), "database.error": ("database.text",)}


def listed(evidence: dict[str, Any]) -> list[Unread]:
    """{what, why} of each fact that could not be read; a host may claim anything, so what is no such list is none."""
    probe = evidence.get("probe")
    items = probe.get("unread") if isinstance(probe, dict) else None
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return [
        {"what": str(item.get("what", "")), "why": str(item.get("why", "")), "facts": _facts(item)} for item in items
    ]


def _facts(item: dict[str, Any]) -> list[str]:
    facts = item.get("facts")
    return [str(fact) for fact in facts] if isinstance(facts, list) else []


def facts(evidence: dict[str, Any]) -> set[str]:
    """Dotted names of what could not be read, and of what is derived from it."""
    names = {name for item in listed(evidence) for name in item["facts"]}
    return names | {other for name in names for other in _DERIVED.get(name, ())}


def leaves_open(mode: FailureMode, evidence: dict[str, Any], lacking: Iterable[str]) -> bool:
    """Whether a failure mode may hold for all that is known: no condition fails, and one rests on what is lacking."""
    verdicts = {source: expressions.verdict(source, evidence) for source in mode.when}
    if False in verdicts.values():
        return False
    return any(concerns(source, lacking) for source, verdict in verdicts.items() if verdict is None)


def concerns(source: str, lacking: Iterable[str]) -> bool:
    """Whether an expression looks at any of these facts, or at what they are part of."""
    facts = list(lacking)
    return bool(facts) and any(_overlap(name, fact) for name in expressions.names(source) for fact in facts)


def _overlap(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
