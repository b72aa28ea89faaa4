# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shape of an incident's record, which users read as JSON: keys are added to it, never renamed or taken away.

Times are ISO 8601 in UTC, durations are seconds, `id` is a failure mode's `<layer>/<name>`, `for` lists such ids.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

SCHEMA = 1

Outcome = Literal[
    "healthy", "recovered", "degraded", "needs-approval", "needs-human", "failed", "harmed", "unreachable", "locked",
    "planned",
]  # fmt: skip


class EdgeState(TypedDict):
    """Whether the edge is well, and in a few words what it answers."""

    well: bool
    summary: str


class Edge(TypedDict):
    """The edge at the first look and at the last one; None where it was not asked. Each check as in the evidence."""

    before: EdgeState | None
    after: EdgeState | None
    checks: list[dict[str, Any]]


class Row(TypedDict):
    """A row of the checklist; `state` is ok, bad or unknown."""

    name: str
    state: str
    detail: str


class Cause(TypedDict):
    """A finding that nothing explains, in short.

    known: observed, tried or inferred; experiment: what was tried, empty of the others.
    """

    id: str
    title: str
    because: str
    risk: str
    known: str
    experiment: str


class Found(Cause):
    """A finding; `remedy` is None where there is none, `perhaps_explained_by` is for want of what was not read."""

    layer: str
    severity: str
    explained_by: list[str]
    perhaps_explained_by: list[str]
    symptom: bool
    remedy: str | None
    by_hand: str
    means: str


# `for` is no name that a class could have.
Planned = TypedDict("Planned", {"remedy": str, "for": list[str], "risk": str, "vars": dict[str, Any]})
HeldBack = TypedDict("HeldBack", {"remedy": str, "for": list[str], "why": str})
# `look`: after which look it was done; `taken_back`: whether that look's successor found it in vain, and undid it.
Done = TypedDict(
    "Done",
    {
        "remedy": str, "for": list[str], "changed": bool, "ok": bool, "seconds": float, "message": str, "look": int,
        "taken_back": bool,
    },
)  # fmt: skip


class Awaiting(TypedDict):
    """What a person is to decide or do. approve_with: the variable that approves it; None where nothing can."""

    id: str
    remedy: str | None
    approval: str
    approve_with: str | None
    by_hand: str


class Unread(TypedDict):
    """What the account that looked last could not read, and the facts that are unknown for it."""

    what: str
    why: str
    facts: list[str]


class OtherAtWork(TypedDict):
    """Somebody else's process that works on the app, such as a deployment; pid is 0 of a lock that no process has."""

    what: str
    pid: int
    account: str
    since: str
    where: str


class WhileOpen(TypedDict, total=False):
    """What only a record has that is not concluded yet.

    marked: when the last look or remedy ended. failed_since: causes whose remedy has failed since the last look.
    """

    marked: str
    failed_since: list[str]


class Record(WhileOpen):
    """One run's record for one host."""

    schema: int
    incident: str
    host: str
    # recover, diagnose or verify.
    mode: str
    # Whether it was run in check mode: what stands in `actions` would be done, and was not.
    check: bool
    started: str
    finished: str | None
    seconds: float | None
    outcome: Outcome | Literal[""]
    message: str
    edge: Edge
    checklist: list[Row]
    root_causes: list[Cause]
    # What nothing explains either, and what takes no site down.
    also_found: list[Cause]
    # Of all looks; `remaining` has the ids of those that nothing explained at the last one.
    findings: list[Found]
    remaining: list[str]
    plan: list[Planned]
    held_back: list[HeldBack]
    actions: list[Done]
    awaiting: list[Awaiting]
    # Whether this run has the host to itself, or who else has: another run, a pause, a lease; what was tried too
    # often, or too late.
    holds_lock: bool
    locked_by: str
    # Who else was at work on the app when this run was about to change something, so that it did nothing.
    others_at_work: list[OtherAtWork]
    exhausted: list[str]
    overdue: str
    # The number of looks.
    passes: int
    # The first look's evidence is what explains the incident; the last one's, where there were more, proves the end.
    evidence: dict[str, Any]
    evidence_after: dict[str, Any] | None
    unread: list[Unread]
    # How many hosts the run has; of a job of AWX's, its {job, template, schedule, user, workflow}, else empty.
    hosts_in_run: int
    awx: dict[str, str]
    # When this host's turn came to be repaired, where it was looked at before; empty where that was one step.
    turn: str
    # Where many hosts show the same cause: hosts that must be well before this one is repaired, and why it was not.
    behind: list[str]
    held: str


def new(host: str = "", mode: str = "", incident: str = "") -> Record:
    """The record of a run that has seen and done nothing yet."""
    return {
        "schema": SCHEMA,
        "incident": incident,
        "host": host,
        "mode": mode,
        "check": False,
        "started": "",
        "finished": None,
        "seconds": None,
        "outcome": "",
        "message": "",
        "edge": {"before": None, "after": None, "checks": []},
        "checklist": [],
        "root_causes": [],
        "also_found": [],
        "findings": [],
        "remaining": [],
        "plan": [],
        "held_back": [],
        "actions": [],
        "awaiting": [],
        "holds_lock": False,
        "locked_by": "",
        "others_at_work": [],
        "exhausted": [],
        "overdue": "",
        "passes": 0,
        "evidence": {},
        "evidence_after": None,
        "unread": [],
        "hosts_in_run": 1,
        "awx": {},
        "turn": "",
        "behind": [],
        "held": "",
    }
