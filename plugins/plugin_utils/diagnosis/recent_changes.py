# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes since the last good state, in words: for the top of a report, and for a finding of its layer. Pure.

The evidence is a host's, so any of it may be missing or of another kind; what is not known is left out.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean

# Sections of the evidence, in the order in which an engineer asks, and what to call them.
SECTIONS = {
    "packages": "packages",
    "python": "Python",
    "variables": "variables",
    "units": "unit files",
    "nginx": "nginx's configuration",
    "modes": "owners and modes",
}
COMMITS = "commits"
# What of it bears on the findings of a layer.
_BEARS_ON = {
    "files": ("modes",),
    "environment": ("variables",),
    "dependencies": ("packages", "python"),
    "code": (COMMITS,),
    "schema": (COMMITS,),
    "service": ("units",),
    "proxy": ("nginx",),
}
SHOWN = 5
SUBJECT = 60
LONGEST = 1000


def summary(evidence: Any) -> dict[str, Any] | None:
    """{when, lines}: which state was the last good one, and a line for each section that differs from it now.

    None where no good state is known, or nobody has looked.
    """
    changes = _changes(evidence)
    if not changes:
        return None
    return {"when": _when(changes), "lines": list(_lines(changes).values())}


def bearing_on(layer: str, evidence: Any) -> str:
    """The addition to a finding's sentence: what has changed of that layer since the last good state, if anything."""
    changes = _changes(evidence)
    lines = _lines(changes)
    bearing = [lines[section] for section in _BEARS_ON.get(layer, ()) if section in lines]
    return f"; since the last good state ({changes['since']}): {'; '.join(bearing)}" if bearing else ""


def _changes(evidence: Any) -> dict[str, Any]:
    changes = evidence.get("changes") if isinstance(evidence, dict) else None
    return changes if isinstance(changes, dict) and isinstance(changes.get("since"), str) and changes["since"] else {}


def _when(changes: dict[str, Any]) -> str:
    """When the state was last seen to be good, and the run that was the first to see it."""
    incident = f"incident {_text(changes.get('incident'))}" if changes.get("incident") else ""
    if incident and changes.get("taken") != changes["since"]:
        incident = f"first seen in {incident}"
    return ", ".join(filter(None, (changes["since"], incident)))


def _lines(changes: dict[str, Any]) -> dict[str, str]:
    """A line for each section that differs."""
    found = {COMMITS: _commits(changes.get(COMMITS))}
    found.update({section: _section(name, changes.get(section)) for section, name in SECTIONS.items()})
    return {section: clean(line, LONGEST) for section, line in found.items() if line}


def _commits(commits: Any) -> str:
    if not isinstance(commits, dict) or not commits.get("after"):
        return ""
    moved = f"commit {_text(commits.get('before'))} -> {_text(commits['after'])}"
    listed = [_text(item.get("subject"))[:SUBJECT] for item in _list(commits)]
    count, gone = _number(commits.get("count")), _number(commits.get("gone"))
    came = f"{count} new ({_some(listed, count, '; ')})" if count else ""
    went = f"{gone} gone" if gone else ""
    return f"{moved}: {', '.join(filter(None, (came, went)))}" if came or went else moved


def _section(name: str, section: Any) -> str:
    items = [_item(item) for item in _list(section)]
    return f"{name}: {_some(items, _number(section.get('count')), ', ')}" if items else ""


def _item(item: dict[str, Any]) -> str:
    """`name 1.0 -> 2.0`, `name 1.0 gone`, `name changed`."""
    name, how, before, after = (_text(item.get(key)) for key in ("name", "how", "before", "after"))
    if before and after:
        return f"{name} {before} -> {after}"
    return " ".join(filter(None, (name, before or after, how)))


def _some(texts: list[str], count: int, between: str) -> str:
    """The first few, and how many more there are."""
    more = max(count, len(texts)) - SHOWN
    return between.join([*texts[:SHOWN], *([f"{more} more"] if more > 0 else [])])


def _list(section: Any) -> list[dict[str, Any]]:
    items = section.get("list") if isinstance(section, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
