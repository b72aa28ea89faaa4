"""The verdict: each outcome that a run can come to, and the one line that says why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.run import verdict

DOWN = {"well": False, "summary": "502 on /"}
WELL = {"well": True, "summary": "200 on 2 checks"}
OUTAGE = {"id": "database/stopped", "severity": "outage"}
DEGRADED = {"id": "files/static-missing", "severity": "degraded"}
ADVICE = {"id": "environment/debug-on", "severity": "advice"}
CAUSE, LESSER = OUTAGE["id"], DEGRADED["id"]
# Still there at the last look: a cause of the outage, something lesser, or both.
CAUSE_REMAINS = {"findings": [OUTAGE, DEGRADED], "remaining": [CAUSE]}
LESSER_REMAINS = {"findings": [OUTAGE, DEGRADED], "remaining": [LESSER]}
BOTH_REMAIN = {"findings": [OUTAGE, DEGRADED], "remaining": [CAUSE, LESSER]}
PLANNED = {"plan": [{"remedy": "start_database"}, {"remedy": "restart"}]}
ACTED = {"actions": [{"changed": False}, {"changed": True}]}
FAILED = {
    "actions": [{"remedy": name, "changed": True, "ok": name == "restart"} for name in ("collectstatic", "restart")]
}


def record(edge: dict[str, Any] | None, *parts: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A run's record, as it is saved."""
    data: dict[str, Any] = {"mode": "recover", "edge": {"before": DOWN, "after": edge}, "findings": []}
    data |= {"actions": [], "plan": [], "awaiting": []}
    for part in (*parts, values):
        data |= part
    reported: dict[str, Any] = json.loads(json.dumps(data))
    return reported


def waits(name: str, approvable: bool = False) -> dict[str, Any]:
    """A cause that waits for a person, or only for an approval."""
    return {"id": name, "approve_with": f"rescue502_approve=[{name}]" if approvable else None}


ANSWERS = {
    "nothing was wrong": (record(WELL), "healthy", "the edge answers: 200 on 2 checks"),
    "a remedy changed nothing": (
        record(WELL, actions=[{"changed": False}]),
        "healthy",
        "the edge answers: 200 on 2 checks",
    ),
    "a remedy brought it back": (record(WELL, ACTED), "recovered", "the edge answers again: 200 on 2 checks"),
    "it was well before": (
        record(WELL, ACTED, {"edge": {"before": WELL, "after": WELL}}),
        "recovered",
        "the edge answers: 200 on 2 checks",
    ),
    "what was done is taken back": (
        record(WELL, actions=[{"changed": True, "taken_back": True}]),
        "healthy",
        "the edge answers: 200 on 2 checks",
    ),
    "something lesser remains": (
        record(WELL, LESSER_REMAINS, ACTED, PLANNED),
        "degraded",
        f"the edge answers (200 on 2 checks), but {LESSER} remains",
    ),
    "it answers again after too many tries": (
        record(WELL, exhausted=["restart"]),
        "healthy",
        "the edge answers: 200 on 2 checks",
    ),
    "it answers, though what could take it down was tried too often": (
        record(WELL, BOTH_REMAIN, exhausted=["start_database, 3 times"]),
        "degraded",
        f"the edge answers (200 on 2 checks), but {CAUSE}, {LESSER} remains",
    ),
    "it answers, and a remedy failed": (
        record(WELL, FAILED),
        "degraded",
        "the edge answers (200 on 2 checks), but collectstatic failed",
    ),
    "it answers, a remedy failed and something remains": (
        record(WELL, LESSER_REMAINS, FAILED),
        "degraded",
        f"the edge answers (200 on 2 checks), but {LESSER} remains; collectstatic failed",
    ),
    "it answers, and a lesser remedy's budget is exhausted": (
        record(WELL, LESSER_REMAINS, exhausted=["collectstatic"]),
        "degraded",
        f"the edge answers (200 on 2 checks), but {LESSER} remains",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_of_a_site_that_answers(name: str) -> None:
    """Healthy, recovered by something that was changed, or degraded by what remains."""
    data, outcome, message = ANSWERS[name]
    assert verdict.judge(data, check_mode=False) == (outcome, message)


NO_ANSWER = {
    "somebody else is at work": (
        record(
            DOWN,
            CAUSE_REMAINS,
            PLANNED,
            others_at_work=[
                {"what": "pip install", "pid": 7, "account": "ada", "since": "2026-01-31T12:00:00", "where": "/v"},
                {
                    "what": "git",
                    "pid": 0,
                    "account": "ada",
                    "since": "2026-01-31T12:00:00",
                    "where": "/s/.git",
                },
            ],
        ),
        "locked",
        "502 on /; nothing was done while others are at work: "
        "pip install (process 7, of ada, since 2026-01-31T12:00:00, on /v); "
        "git (no process is seen, of ada, since 2026-01-31T12:00:00, on /s/.git)",
    ),
    "nobody asked": (
        record(None),
        "needs-human",
        "the edge was never asked; the cause is not known: the evidence is in the report",
    ),
    "the cause is not known": (
        record(DOWN, PLANNED, mode="diagnose"),
        "needs-human",
        "502 on /; the cause is not known: the evidence is in the report",
    ),
    "only something lesser is known": (
        record(DOWN, LESSER_REMAINS, PLANNED, mode="diagnose", awaiting=[waits(LESSER, approvable=True)]),
        "needs-human",
        f"502 on /; the cause is not known: the evidence is in the report; also found: {LESSER}",
    ),
    "not all could be read": (
        record(DOWN, LESSER_REMAINS, unread=[{"what": "the unit"}]),
        "needs-human",
        f"502 on /; the cause cannot be found without what was not read: {verdict.AS_ROOT}",
    ),
    "root got no answer": (
        record(
            DOWN,
            LESSER_REMAINS,
            unread=[{"what": "whose number 1007 is", "why": "the name service does not answer"}],
            evidence={"probe": {"root": True}},
        ),
        "needs-human",
        "502 on /; the cause cannot be found without what was not read: whose number 1007 is: "
        "the name service does not answer",
    ),
    "it was tried too often": (
        record(DOWN, CAUSE_REMAINS, PLANNED, exhausted=["start_database, 3 times", "restart, 3 times"]),
        "needs-human",
        "502 on /; not tried again: start_database, 3 times; restart, 3 times",
    ),
    "only something lesser was tried too often": (
        record(DOWN, LESSER_REMAINS, exhausted=["collectstatic"]),
        "needs-human",
        f"502 on /; the cause is not known: the evidence is in the report; also found: {LESSER}",
    ),
    "a cause waits for an approval": (
        record(
            DOWN, CAUSE_REMAINS, awaiting=[waits(CAUSE, approvable=True), waits(CAUSE), waits(LESSER, approvable=True)]
        ),
        "needs-approval",
        f"502 on /; waits for approval: {CAUSE}",
    ),
    "a cause waits for a person": (
        record(DOWN, BOTH_REMAIN, awaiting=[waits(CAUSE), waits(LESSER, approvable=True)]),
        "needs-human",
        f"502 on /; needs a person: {CAUSE}",
    ),
    "only something lesser waits": (
        record(DOWN, BOTH_REMAIN, awaiting=[waits(LESSER, approvable=True)]),
        "failed",
        "502 on /; the remedies did not bring the site back",
    ),
    "there was no time": (
        record(DOWN, CAUSE_REMAINS, PLANNED, overdue="300 seconds are over", mode="verify"),
        "failed",
        "502 on /; 300 seconds are over: run it again, or raise rescue502_deadline",
    ),
    "it was only verified": (
        record(DOWN, CAUSE_REMAINS, PLANNED, mode="verify"),
        "failed",
        "502 on /; a verification only looks: recover would repair it",
    ),
    "the remedies did not help": (
        record(DOWN, CAUSE_REMAINS, ACTED, PLANNED),
        "failed",
        "502 on /; the remedies did not bring the site back",
    ),
    "it was only diagnosed": (
        record(DOWN, CAUSE_REMAINS, PLANNED, mode="diagnose"),
        "planned",
        "502 on /; to be done: start_database, restart",
    ),
    "it was diagnosed, and nothing can be done": (
        record(DOWN, CAUSE_REMAINS, mode="diagnose", awaiting=[waits(CAUSE)]),
        "needs-human",
        f"502 on /; needs a person: {CAUSE}",
    ),
}


@pytest.mark.parametrize("name", NO_ANSWER)
def test_of_a_site_that_does_not_answer(name: str) -> None:
    """What is missing: an approval, a person, time, rights to read, or a remedy that helps."""
    data, outcome, message = NO_ANSWER[name]
    assert verdict.judge(data, check_mode=False) == (outcome, message)


CHECKED = {
    "nothing is wrong": (record(WELL, ACTED), "healthy", "the edge answers: 200 on 2 checks"),
    "something lesser would be repaired": (
        record(WELL, LESSER_REMAINS, PLANNED),
        "planned",
        "200 on 2 checks; to be done: start_database, restart",
    ),
    "something lesser would remain": (
        record(WELL, LESSER_REMAINS),
        "degraded",
        f"the edge answers (200 on 2 checks), but {LESSER} remains",
    ),
    "the site would be repaired": (
        record(DOWN, CAUSE_REMAINS, PLANNED),
        "planned",
        "502 on /; to be done: start_database, restart",
    ),
    "something lesser would be repaired while it is down": (
        record(DOWN, LESSER_REMAINS, PLANNED),
        "planned",
        "502 on /; to be done: start_database, restart",
    ),
    "another run is at work": (
        record(DOWN, CAUSE_REMAINS, PLANNED, locked_by="a run of 12:00"),
        "planned",
        "502 on /; to be done: start_database, restart",
    ),
}


@pytest.mark.parametrize("name", CHECKED)
def test_in_check_mode(name: str) -> None:
    """What would be done; nothing is called recovered, and nobody else's lock is in the way."""
    data, outcome, message = CHECKED[name]
    assert verdict.judge(data, check_mode=True) == (outcome, message)


def test_a_worse_edge_is_an_alarm() -> None:
    """What was done is named, taken back or not, and how to take it back; a check has changed nothing."""
    actions = [{"remedy": "restart", "changed": True}, {"remedy": "permissions", "changed": True, "taken_back": True}]
    worse = {"edge": {"before": WELL, "after": DOWN}}
    data = record(DOWN, CAUSE_REMAINS, PLANNED, worse, actions=actions, incident="id")
    assert verdict.judge(data, check_mode=False) == (
        "harmed",
        "the edge is worse than before this run: 502 on /, where it was 200 on 2 checks; this run has changed: "
        "restart, permissions (taken back). Look at it now; what can be taken back: rescue502 undo id",
    )
    assert verdict.judge(data, check_mode=True)[0] == "planned"


@pytest.mark.parametrize("edge", [WELL, DOWN])
def test_another_run_is_at_work(edge: dict[str, Any]) -> None:
    """Whatever this one saw."""
    assert verdict.judge(record(edge, CAUSE_REMAINS, ACTED, locked_by="a run of 12:00"), check_mode=False) == (
        "locked",
        f"{edge['summary']}; another run is at work on this host: a run of 12:00",
    )


@pytest.mark.parametrize("who", ["paused until 12:00 by anna at laptop: a move", "leased to deploy.sh (process 7)"])
def test_a_pause_and_a_lease_are_named(who: str) -> None:
    """Whatever this run saw: nothing was done, and by whose wish. A plan is made all the same."""
    data = record(DOWN, CAUSE_REMAINS, PLANNED, locked_by=who)
    assert verdict.judge(data, check_mode=False) == (
        "locked",
        f"502 on /; nothing was done: this host is {who}",
    )
    assert verdict.judge(data, check_mode=True)[0] == "planned"


def test_what_takes_no_site_down_is_no_remaining_cause() -> None:
    """Of all that remains, only the outage's causes are; what the last look did not see is none."""
    data = record(DOWN, findings=[OUTAGE, DEGRADED, ADVICE], remaining=[CAUSE, LESSER, ADVICE["id"]])
    assert verdict.remaining_causes(data) == [CAUSE]
    assert verdict.remaining_causes(record(DOWN, findings=[OUTAGE])) == []


@pytest.mark.parametrize(
    ("outcome", "edge", "good"),
    [
        ("healthy", WELL, True),
        ("recovered", WELL, True),
        ("degraded", WELL, True),
        ("planned", WELL, True),
        ("planned", DOWN, False),
        ("planned", None, False),
        ("locked", WELL, True),
        ("locked", DOWN, False),
        ("locked", None, False),
        *((outcome, WELL, False) for outcome in ("failed", "harmed", "needs-approval", "needs-human")),
        ("unreachable", WELL, False),
    ],
)
def test_a_play_fails_where_the_site_is_left_down(outcome: str, edge: dict[str, Any] | None, good: bool) -> None:
    """A plan is as good as the edge that it was made for, and so is another run's host; others speak for themselves."""
    assert verdict.is_good(record(edge, outcome=outcome)) is good
    failed = {"actions": [{"remedy": "collectstatic", "changed": False, "ok": False}]}
    assert verdict.is_good(record(edge, failed, outcome=outcome)) is False, "a failed remedy is never passed over"


def test_what_rescue502_fail_on_may_name_of_a_run() -> None:
    """Its outcome, and that a remedy has failed whatever came of the run."""
    assert verdict.failing_outcomes(record(WELL, ACTED, outcome="recovered")) == {"recovered"}
    assert verdict.failing_outcomes(record(WELL, FAILED, outcome="recovered")) == {"recovered", verdict.FAILED_REMEDY}


@pytest.mark.parametrize(
    ("remedies", "outcome", "words"),
    [
        (["wait_for_database"], "needs-human", "waited in vain for database/stopped"),
        (["wait_for_database", "wait_for_database"], "needs-human", "waited in vain for database/stopped"),
        (["restart"], "failed", "the remedies did not bring the site back"),
        (["wait_for_database", "restart"], "failed", "the remedies did not bring the site back"),
        ([], "failed", "the remedies did not bring the site back"),
    ],
)
def test_what_only_waited_has_not_failed(remedies: list[str], outcome: str, words: str) -> None:
    """Nothing was tried: a person is to look at what did not come up."""
    actions = [{"remedy": name, "changed": True, "ok": True} for name in remedies]
    data = record(DOWN, CAUSE_REMAINS, actions=actions)
    assert verdict.judge(data, check_mode=False) == (outcome, f"502 on /; {words}")


def test_what_is_said_of_a_cause_that_nobody_knows() -> None:
    """The last line of the first program that says anything, of what was seen last, and not all of a long one."""
    refused, limit = {"reason": ["shutting down", "x" * 400]}, verdict.MOST_WORDS
    said = {"database_startup": refused, "proxy": {"said": ["no live upstreams", "nginx's last"]}}
    data = record(DOWN, evidence={"proxy": {"said": ["of the first look"]}}, evidence_after=said)
    _outcome, words = verdict.judge(data, check_mode=False)
    assert f"; PostgreSQL says: {'x' * limit}: the evidence is in the report" in words
    assert limit == 300
    one = record(DOWN, evidence={"proxy": {"said": ["first", "second", "third"]}})
    assert "; nginx says: third: the evidence is in the report" in verdict.judge(one, check_mode=False)[1]


def test_the_first_of_what_was_not_read_is_named() -> None:
    """To root; anybody else reads that root sees more."""
    unread = [{"what": "the log", "why": "denied", "facts": []}, {"what": "names", "why": "no answer", "facts": []}]
    as_root = record(DOWN, unread=unread, evidence={"probe": {"root": True}})
    assert verdict.judge(as_root, check_mode=False)[1].endswith("what was not read: the log: denied")
    data = record(DOWN, unread=unread, evidence={"probe": {"root": False}})
    assert verdict.judge(data, check_mode=False)[1].endswith(f"what was not read: {verdict.AS_ROOT}")


def test_a_host_that_was_held_back_and_answers_is_judged_by_its_answer() -> None:
    """Why nothing was done is said where it does not."""
    held = {"held": "not its turn"}
    assert verdict.judge(record(WELL, held), check_mode=False)[0] == "healthy"
    assert verdict.judge(record(DOWN, held), check_mode=False) == ("needs-human", "502 on /; not its turn")


def test_one_failed_remedy_is_named_once() -> None:
    """And none that succeeded, or of which that is not known."""
    actions = [{"remedy": name, "changed": True, "ok": ok} for name, ok in
               (("a", False), ("b", True), ("a", False), ("c", None))]  # fmt: skip
    assert verdict.failed_remedies(record(WELL, actions=actions)) == ["a"]


@pytest.mark.parametrize("mode", ["diagnose", "recover", "verify"])
def test_only_a_diagnosis_leaves_a_plan(mode: str) -> None:
    """Of a recovery that has more to do something has failed; a verification says that it only looks."""
    outcome, words = verdict.judge(record(DOWN, CAUSE_REMAINS, PLANNED, mode=mode), check_mode=False)
    assert outcome == ("planned" if mode == "diagnose" else "failed")
    assert ("a verification only looks" in words) == (mode == "verify")
