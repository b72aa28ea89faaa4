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
    reported and nobody knows is shown unless a cause lies in nginx; the others' words, only where there is no cause.
    """
    if well:
        return []
    named = list(causes)
    found = []
    if not named:
        found += [("the app", _raised(evidence)), ("PostgreSQL", _lines(evidence, "database_startup", "reason"))]
        found.append(("the answer", _answers(evidence)))
        found.append(("the app", _lines(evidence, "shadow_start", "words") or _lines(evidence, "log", "errors")))
    if not any(name.startswith("proxy/") for name in named):
        of_this_app = [] if named else _lines(evidence, "proxy", "errors")
        found.append(("nginx", _lines(evidence, "proxy", "reported") or of_this_app))
    return [{"who": who, "lines": lines} for who, lines in found if lines]


def decisive(evidence: Mapping[str, Any]) -> str:
    """What says the most, in one line: the app's exception, PostgreSQL's last word, an answer's body; empty without."""
    found = _raised(evidence) or _lines(evidence, "database_startup", "reason") or _answers(evidence)
    return found[0] if found else ""


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
    told = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    return [text for text in told if not _NO_NEWS.search(text)][-LINES:]
