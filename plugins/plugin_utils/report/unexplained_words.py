# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What programs said in an outage and no failure mode explains: where no cause is named, it is the evidence. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# How nginx ends its own error pages.
_OF_NGINX = re.compile(r"\bnginx(/[\d.]+)?( \(\w+\))?\s*$")
# What a server logs of each start.
_NO_NEWS = re.compile(r"\[(INFO|DEBUG)\]")
# As many of the newest lines of each.
LINES = 3
# So much of an exception's message, which has PostgreSQL's DETAIL and HINT in it, and so many of its causes.
MESSAGE = 600
CAUSES = 2
# So much of what an answer says.
EXCERPT = 200


def heard(evidence: Mapping[str, Any], causes: Iterable[str], well: bool) -> list[dict[str, Any]]:
    """Who said what: {who, lines}, the most decisive first; nothing of an edge that is well.

    evidence: of the last look, of which a host may answer anything. causes: the ids of the root causes. What nginx
    reported and nobody knows is shown unless a cause lies in nginx; the others' words, only where there is no cause:
    the app's, PostgreSQL's, and systemd's on each of the two units that does not run.
    """
    if well:
        return []
    named = list(causes)
    found = []
    if not named:
        found += [("the app", _raised(evidence)), ("PostgreSQL", _lines(evidence, "database_startup", "reason"))]
        found.append(("the answer", _answers(evidence)))
        units = [_unit(_section(evidence, name).get("unit")) for name in ("proxy", "service")]
        found += [("systemd", list(filter(None, units))), ("the app", _last_words(evidence))]
    if not any(name.startswith("proxy/") for name in named):
        # Older lines may be of what has ended by now.
        of_this_look = [] if named else _lines(evidence, "proxy", "said")
        of_this_app = [] if named else _lines(evidence, "proxy", "errors")
        found.append(("nginx", of_this_look or _lines(evidence, "proxy", "reported") or of_this_app))
    return [{"who": who, "lines": lines} for who, lines in found if lines]


def _last_words(evidence: Mapping[str, Any]) -> list[str]:
    """What the app said when it was tried, else what its log calls an error, else its last lines."""
    tried = _lines(evidence, "shadow_start", "words")
    return tried or _lines(evidence, "log", "errors") or _lines(evidence, "log", "lines")


def _raised(evidence: Mapping[str, Any]) -> list[str]:
    """The exception that the app met, with its place and its causes; none where none was met.

    At its start or at a request, in a rehearsal or a shadow start, or when it asked its database.
    """
    places = (("app", "raised"), ("shadow_start", "error"), ("database", "error"))
    errors = (_section(evidence, section).get(fact) for section, fact in places)
    error = next((item for item in errors if isinstance(item, Mapping) and item.get("type")), None)
    if error is None:
        return []
    message = _one_line(error.get("message"))
    place = f" at {error.get('file')}:{error.get('line')}" if error.get("file") else ""
    chain = error.get("chain")
    others = [item for item in chain if isinstance(item, Mapping)] if isinstance(chain, list) else []
    new = [item for item in others if _one_line(item.get("message")) not in message]
    caused = "".join(f"; caused by {item.get('type')}: {_one_line(item.get('message'))}" for item in new[:CAUSES])
    return [f"{error['type']}{place}: {message}{caused}"]


def _one_line(text: Any) -> str:
    """A message as one line, without the caret under a line of SQL."""
    return " ".join(word for word in str(text or "").split() if word != "^")[:MESSAGE]


def _answers(evidence: Mapping[str, Any]) -> list[str]:
    """What the answers that are not as wanted say in their bodies, each once."""
    checks = _section(evidence, "edge").get("checks")
    found = [item for item in checks if isinstance(item, Mapping)] if isinstance(checks, list) else []
    said = {_one_line(item["excerpt"]): item for item in reversed(found) if _is_refusal(item)}
    return [
        f"{item.get('name')} ({item.get('status')}): {text[:EXCERPT]}" for text, item in reversed(list(said.items()))
    ][:LINES]


def _is_refusal(check: Mapping[str, Any]) -> bool:
    """Whether an answer was not as wanted, and has words of the app's: nginx's own error pages say nothing of it."""
    excerpt = str(check.get("excerpt") or "")
    return check.get("well") is False and bool(excerpt) and not _OF_NGINX.search(excerpt)


def _section(evidence: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    facts = evidence.get(name)
    return facts if isinstance(facts, Mapping) else {}


def _lines(evidence: Mapping[str, Any], section: str, fact: str) -> list[str]:
    """The newest lines of a fact, which is a text or a list of texts; none where it is not there or anything else."""
    value = _section(evidence, section).get(fact)
    texts = value if isinstance(value, list) else [value]
    said = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    return [text for text in said if not _NO_NEWS.search(text)][-LINES:]


def _unit(unit: Any) -> str:
    """What systemd says of a unit in its own words; empty of one that runs, or of which it is not known."""
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
