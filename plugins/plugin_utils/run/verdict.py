# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verdict: what a run came to, from its record."""

from __future__ import annotations

from typing import get_args

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import setbacks
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import (
    OtherAtWork,
    Outcome,
    Record,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.report import awx_job, unexplained_words
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean_tree

# Of a program's own line in the line that says what a run came to.
MOST_WORDS = 300
AS_ROOT = "look again as root (`become: true`, or without --no-become)"
# Outcomes that leave the site answering; every other one fails the play.
GOOD = ("healthy", "recovered", "degraded")
FAILED_REMEDY = "failed-remedy"
OUTCOMES = (*get_args(Outcome), FAILED_REMEDY)
# What makes a play fail, unless rescue502_fail_on says otherwise: a person, or the next run, has something to do.
FAIL_ON = ("needs-approval", "needs-human", "failed", "harmed", "unreachable", FAILED_REMEDY)
# Remedies that only wait: where what they wait for takes longer, nothing has failed.
WAITING = {"wait_for_database"}
# How the words begin for who has the host, where it is not another run.
PAUSED, LEASED = "paused", "leased"
# Outcomes that leave the site as it was found.
OF_THE_EDGE = ("planned", "locked")


def is_good(data: Record) -> bool:
    """Whether a concluded record leaves the site answering, and no remedy has failed.

    A plan is as good as the edge that it was made for, and so is a host that another run was at work on.
    """
    after = data.get("edge", {}).get("after")
    answers = data["outcome"] in OF_THE_EDGE and after is not None and after["well"]
    return (data["outcome"] in GOOD or answers) and not failed_remedies(data)


def failing_outcomes(data: Record) -> set[str]:
    """The words of rescue502_fail_on that a concluded record answers to: its outcome, and that a remedy has failed."""
    return {data["outcome"], *([FAILED_REMEDY] if failed_remedies(data) else [])}


def failed_remedies(data: Record) -> list[str]:
    """The remedies that failed, each once."""
    return list(dict.fromkeys(action["remedy"] for action in data.get("actions", []) if action.get("ok") is False))


def remaining_causes(data: Record) -> list[str]:
    """Of the findings that nothing explains and that the last look saw, those that take the site down."""
    lesser = {item["id"] for item in data["findings"] if item["severity"] != "outage"}
    return [name for name in data.get("remaining", []) if name not in lesser]


def in_words(others: list[OtherAtWork]) -> str:
    """Who else is at work on the app, in words: what, which process, whose, since when and on what."""
    return "; ".join(map(_one, others))


def lock_words(locked_by: str) -> str:
    """Why nothing was done, by who has the host: another run, a pause, a maintenance window or a lease."""
    if locked_by.startswith((PAUSED, LEASED)):
        return f"nothing was done: this host is {locked_by}"
    return f"another run is at work on this host: {locked_by}"


def _one(other: OtherAtWork) -> str:
    process = f"process {other['pid']}" if other["pid"] else "no process is seen"
    return f"{other['what']} ({process}, of {other['account']}, since {other['since']}, on {other['where']})"


def judge(data: Record, check_mode: bool) -> tuple[Outcome, str]:
    """(outcome, one line that says why) of a record whose looks and actions are all in."""
    after = data["edge"]["after"] or {"well": False, "summary": "the edge was never asked"}
    remaining = data.get("remaining", [])
    acted = [action for action in data["actions"] if action["changed"] and not action.get("taken_back")]
    if data.get("locked_by") and not check_mode:
        return "locked", f"{after['summary']}; {lock_words(data['locked_by'])}"
    if not check_mode and (worse := setbacks.worse_for(data)):
        return "harmed", f"{worse}; {_what_was_done(data)}"
    if data.get("others_at_work") and not check_mode:
        who = in_words(data["others_at_work"])
        return "locked", f"{after['summary']}; nothing was done while others are at work: {who}"
    if data.get("held") and not after["well"]:
        return "needs-human", f"{after['summary']}; {data['held']}"
    if data.get("exhausted") and remaining_causes(data) and not after["well"]:
        return "needs-human", f"{after['summary']}; not tried again: {'; '.join(data['exhausted'])}"
    failed = [f"{remedy} failed" for remedy in failed_remedies(data)]
    if after["well"] and failed and not check_mode:
        wrong = ([f"{', '.join(remaining)} remains"] if remaining else []) + failed
        return "degraded", f"the edge answers ({after['summary']}), but {'; '.join(wrong)}"
    if after["well"] and not remaining:
        if acted and not check_mode:
            before = data["edge"]["before"]
            again = " again" if before is not None and not before["well"] else ""
            return "recovered", f"the edge answers{again}: {after['summary']}"
        return "healthy", f"the edge answers: {after['summary']}"
    todo = ", ".join(action["remedy"] for action in data["plan"])
    if after["well"]:
        if todo and check_mode:
            return "planned", f"{after['summary']}; to be done: {todo}"
        return "degraded", f"the edge answers ({after['summary']}), but {', '.join(remaining)} remains"
    if todo and (check_mode or (data["mode"] == "diagnose" and remaining_causes(data))):
        return "planned", f"{after['summary']}; to be done: {todo}"
    return _down(data, str(after["summary"]))


def _down(data: Record, summary: str) -> tuple[Outcome, str]:
    """The verdict on a site that does not answer, and for which nothing more is planned."""
    causes = remaining_causes(data)
    if not causes:
        return "needs-human", f"{summary}; {_unknown(data)}"
    awaiting = [item for item in data["awaiting"] if item["id"] in causes]
    if any(item["approve_with"] for item in awaiting):
        names = [item["id"] for item in awaiting if item["approve_with"]]
        return "needs-approval", f"{summary}; waits for approval: {', '.join(names)}"
    if awaiting:
        names = [item["id"] for item in awaiting]
        return "needs-human", f"{summary}; needs a person: {', '.join(names)}"
    if data.get("overdue"):
        return "failed", f"{summary}; {data['overdue']}: run it again, or raise rescue502_deadline"
    if data["mode"] == "verify":
        return "failed", f"{summary}; a verification only looks: recover would repair it"
    if data["actions"] and {action.get("remedy") for action in data["actions"]} <= WAITING:
        return "needs-human", f"{summary}; waited in vain for {', '.join(causes)}"
    return "failed", f"{summary}; the remedies did not bring the site back"


def _what_was_done(data: Record) -> str:
    """What a run has done to a site that is worse for it, and what a person is to do now."""
    done = dict.fromkeys(
        f"{action['remedy']}{' (taken back)' if action.get('taken_back') else ''}"
        for action in data["actions"]
        if action["changed"]
    )
    undo = f"what can be taken back: {awx_job.undo(data.get('incident', ''), data.get('awx') or {})}"
    return f"this run has changed: {', '.join(done)}. Look at it now; {undo}"


def _unknown(data: Record) -> str:
    """What to say where no cause is known: what the programs themselves say stands first."""
    looked = data.get("evidence_after") or data.get("evidence") or {}
    if lacking := data.get("unread"):
        # Root too may get no answer, as of a name service.
        was_root = looked.get("probe", {}).get("root") and lacking[0].get("what")
        said = clean_tree(f"{lacking[0]['what']}: {lacking[0]['why']}") if was_root else AS_ROOT
        return f"the cause cannot be found without what was not read: {said}"
    heard = unexplained_words.heard(clean_tree(looked), [], well=False)
    words = f"{heard[0]['who']} says: {heard[0]['lines'][-1][:MOST_WORDS]}" if heard else ""
    message = f"the cause is not known{f'; {words}' if words else ''}: the evidence is in the report"
    others = data.get("remaining", [])
    return f"{message}; also found: {', '.join(others)}" if others else message
