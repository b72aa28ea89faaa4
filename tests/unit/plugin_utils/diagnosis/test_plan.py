"""The plan on findings made for it: who repairs what, in which order, and what holds a remedy back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import blocking, plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, Finding
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Planned

WELL = {"edge": {"well": True, "configured": True, "checks": [{"name": "/", "status": 200, "well": True}]}}
DOWN = {"edge": {"well": False, "checks": [{"name": "/", "status": 502, "well": False}]}}
# The rehearsal says that the app would come up.
BOOTS = {"app": {"rehearsed": True, "serves": True}}


def found(name: str, remedy: str = "", **values: Any) -> Finding:
    """A finding, by default the safe cause of an outage. Its text is that of a host: no literal of ours."""
    name, remedy, layer, risk, severity = json.loads(
        json.dumps([name, remedy, name.partition("/")[0], values.get("risk", "safe"), values.get("severity", "outage")])
    )
    mode = FailureMode(
        id=name, layer=layer, title="", means="", risk=risk, severity=severity, edge="502", because="",
        by_hand="", reproduce="", source="", when=(), remedy=remedy, then=tuple(values.get("then", ())),
        symptom=values.get("symptom", False),
    )  # fmt: skip
    return Finding(mode, "", "by hand", tuple(values.get("explained_by", ())), severity, values.get("vars", {}), risk)


def made(*findings: Finding, evidence: dict[str, Any] = DOWN, **given: Any) -> plan.Plan:
    """The plan for these findings."""
    return plan.make(Diagnosis(findings, evidence), **given)


def names(actions: list[plan.Action]) -> list[str]:
    """Their remedies, in order."""
    return [action.remedy for action in actions]


def held(todo: plan.Plan) -> dict[str, str]:
    """Remedies that are held back, each with why."""
    return {item["remedy"]: item["why"] for item in todo.held_back}


STOPPED = found("database/stopped", "start_database", then=["restart"])
MISSING = found("dependencies/missing", "pip_install", then=["restart"])
SYNTAX = found("code/syntax-error", "rollback_code", risk="ask", then=["restart"])
UNAPPLIED = found("schema/unapplied-migrations", "migrate", then=["restart"])
STATIC = found("files/static-missing", "collectstatic", severity="degraded")


def test_remedies_run_from_the_ground_up_and_once() -> None:
    """The restart last, for both causes; what an action says of itself is what the play gets."""
    todo = made(MISSING, STOPPED)
    assert names(todo.actions) == ["start_database", "pip_install", "restart"]
    assert todo.actions[-1].public() == {
        "remedy": "restart", "for": ["dependencies/missing", "database/stopped"], "risk": "safe", "vars": {},
    }  # fmt: skip
    assert (todo.later, todo.held_back, todo.awaiting) == ([], [], [])


def test_one_remedy_for_two_causes_takes_what_both_need() -> None:
    """Lists of variables are joined, and a cause is named once; what wants another value waits for the next look."""
    code = found("files/code", "permissions", vars={"parts": ["code"], "owner": "www"})
    media = found("files/media", "permissions", vars={"parts": ["media"], "owner": "www", "mode": "0640"})
    (action,) = made(code, media, code).actions
    assert action.causes == ["files/code", "files/media"]
    assert action.vars == {"parts": ["code", "media", "code"], "owner": "www", "mode": "0640"}
    (action,) = made(code, found("files/log", "permissions", vars={"owner": "app"})).actions
    assert (action.causes, action.vars) == (["files/code"], code.vars)
    (action,) = made(code, found("files/log", "permissions", vars={"parts": "all"})).actions
    assert action.vars["parts"] == "all"
    assert code.vars == {"parts": ["code"], "owner": "www"}, "a finding is not changed"


def test_what_a_remedy_repairs_decides_where_it_runs() -> None:
    """One that runs the app waits for the highest of its layers; another one runs at the lowest."""
    low, high = found("database/a", "permissions"), found("service/b", "permissions")
    between = found("code/c", "clean_pyc")
    assert names(made(high, between, low).actions) == ["permissions", "clean_pyc"]
    assert names(made(low, between, high).actions) == ["permissions", "clean_pyc"]
    low, high = found("database/a", "collectstatic"), found("service/b", "collectstatic")
    assert names(made(low, between, high).actions) == ["clean_pyc", "collectstatic"]
    assert names(made(high, between, low).actions) == ["clean_pyc", "collectstatic"]


def test_what_follows_runs_no_lower_than_the_service() -> None:
    """A restart for something of the database comes after the code; for something of the proxy, after that."""
    assert names(made(STOPPED, found("code/c", "clean_pyc")).actions) == ["start_database", "clean_pyc", "restart"]
    proxy = found("proxy/p", "reload_nginx", then=["restart"])
    unit = found("service/u", "unmask")
    assert names(made(proxy, unit).actions) == ["unmask", "reload_nginx", "restart"]
    edge = found("edge/e", "reload_nginx", then=["restart"])
    assert names(made(edge, found("proxy/x", "start_nginx")).actions) == ["start_nginx", "reload_nginx", "restart"]


def test_within_a_layer_the_app_is_started_last() -> None:
    """After what it needs, and after what merely runs its code; migrations come right before it."""
    restart, unmask = found("service/stopped", "restart"), found("service/masked", "unmask")
    static = found("service/static", "collectstatic")
    assert names(made(restart, static, unmask).actions) == ["unmask", "collectstatic", "restart"]
    for evidence in (DOWN, WELL | BOOTS):
        asked = [restart.id, UNAPPLIED.id, unmask.id]
        todo = made(restart, UNAPPLIED, unmask, evidence=evidence, approved=asked)
        assert names(todo.actions) == ["unmask", "migrate", "restart"]


def test_what_loads_the_app_comes_after_what_it_needs() -> None:
    """Whatever layer it is for: packages, the database and variables first, by what the roles say of themselves."""
    static, variables = found("files/static", "collectstatic"), found("environment/e", "restore_env_file")
    assert names(made(static, MISSING, variables, STOPPED).actions) == [
        "start_database", "restore_env_file", "pip_install", "collectstatic", "restart",
    ]  # fmt: skip
    database = found("database/missing-database", "create_database", then=["restart"])
    assert names(made(database, MISSING, STOPPED).actions) == [
        "start_database", "pip_install", "create_database", "restart",
    ]  # fmt: skip
    assert names(made(UNAPPLIED, static, MISSING).actions) == ["pip_install", "collectstatic", "migrate", "restart"]


def test_what_needs_a_layer_waits_while_a_remedy_for_it_failed() -> None:
    """A later look of the same run: not into a half-repaired app; where it would come up, it may."""
    failed = [("pip_install", MISSING.id)]
    todo = made(MISSING, STOPPED, STATIC, failed=failed)
    assert names(todo.actions) == ["start_database", "pip_install"]
    assert held(todo)["restart"] == f"{MISSING.id} is not repaired yet"
    assert "collectstatic" in held(todo)
    assert "restart" in names(made(MISSING, STOPPED, failed=failed, evidence=DOWN | BOOTS).actions)
    elsewhere = found("proxy/stopped", "start_nginx")
    assert names(made(elsewhere, STOPPED, failed=[("start_nginx", elsewhere.id)]).actions) == [
        "start_database", "restart", "start_nginx",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("failed", "waits"),
    [
        ([], []),
        ([MISSING.id], ["collectstatic", "migrate", "pip_install", "restart"]),
        ([UNAPPLIED.id], ["migrate", "restart"]),
        (["files/static-missing"], ["collectstatic", "migrate", "restart"]),
        (["proxy/stopped"], ["start_nginx"]),
    ],
)
def test_what_is_not_done_in_the_same_look_any_more(failed: list[str], waits: list[str]) -> None:
    """What follows a remedy that failed, or needs its layer; what is independent goes on."""
    planned = made(
        MISSING, UNAPPLIED, found("proxy/stopped", "start_nginx"), found("files/static-missing", "collectstatic")
    )
    assert plan.depending_on(failed, [action.public() for action in planned.actions]) == waits


def test_nothing_follows_a_remedy_that_failed() -> None:
    """It is planned again (the play has its own budget), its restart is not; for another cause it is."""
    assert names(made(MISSING, failed=[("pip_install", MISSING.id)]).actions) == ["pip_install"]
    assert names(made(MISSING, failed=[("pip_install", "dependencies/other")]).actions) == ["pip_install", "restart"]


def test_what_went_down_with_it_is_not_started_either() -> None:
    """A folder that root refuses to make: the unit that has given up for it would only give up again."""
    folder = found("service/worker-folder-missing", "make_socket_dir", then=["restart"])
    gave_up = found("service/start-limit-hit", "restart", explained_by=[folder.id])
    assert names(made(folder, gave_up).actions) == ["make_socket_dir", "restart"]
    failed = [("make_socket_dir", folder.id)]
    assert names(made(folder, gave_up, evidence=DOWN | BOOTS, failed=failed).actions) == ["make_socket_dir"]


def test_an_approval_is_by_the_mode_or_its_remedy() -> None:
    """Of what asks only: what nobody may repair stays with a person, whatever is approved."""
    assert made(SYNTAX).actions == []
    for approval in (SYNTAX.id, "rollback_code"):
        assert names(made(SYNTAX, approved=[approval]).actions) == ["rollback_code", "restart"]
    never = found("code/lost", "rollback_code", risk="never")
    assert made(never, approved=[never.id, "rollback_code"]).actions == []
    for risk in ("zealous", "unheard-of", "alas"):
        assert made(found("code/odd", "clean_pyc", risk=risk), approved=["clean_pyc"]).actions == []


def test_what_waits_says_how_to_go_on() -> None:
    """What asks, by its approval; what is for a person, by hand. In a run on several hosts an approval names one."""
    secret = found("environment/secret-lost", risk="never")
    assert made(SYNTAX, secret).awaiting == [
        {
            "id": "code/syntax-error",
            "remedy": "rollback_code",
            "approval": "code/syntax-error",
            "approve_with": "rescue502_approve=[code/syntax-error]",
            "by_hand": "by hand",
        },
        {
            "id": "environment/secret-lost",
            "remedy": None,
            "approval": "environment/secret-lost",
            "approve_with": None,
            "by_hand": "by hand",
        },
    ]
    assert made(SYNTAX, host="web1").awaiting[0]["approve_with"] == "rescue502_approve=[code/syntax-error@web1]"
    safe = found("code/odd", risk="zealous")
    assert made(safe).awaiting[0]["approve_with"] is None


def test_what_takes_no_site_down_waits_until_it_answers() -> None:
    """Also where nothing can be done for the site itself; when it answers again, it is done."""
    todo = made(STATIC, STOPPED)
    assert (names(todo.actions), names(todo.later)) == (["start_database", "restart"], ["collectstatic"])
    media = found("files/media", "permissions", severity="degraded")
    todo = made(media, SYNTAX)
    assert (todo.actions, names(todo.later)) == ([], ["permissions"])
    todo = made(media, STATIC, evidence=WELL | BOOTS, was_down=True)
    assert (names(todo.actions), todo.later) == (["permissions", "collectstatic"], [])
    todo = made(STATIC, STOPPED, evidence=WELL | BOOTS, approved=[STATIC.id, STOPPED.id])
    assert (names(todo.actions), todo.later) == (["start_database", "collectstatic", "restart"], [])


def test_one_remedy_for_both_runs_twice() -> None:
    """For the outage now, for the rest later."""
    todo = made(found("files/media", "permissions", severity="degraded"), found("files/code", "permissions"))
    assert [(action.remedy, action.causes) for action in (*todo.actions, *todo.later)] == [
        ("permissions", ["files/code"]),
        ("permissions", ["files/media"]),
    ]


def test_what_fell_with_a_cause_is_started_with_it() -> None:
    """Not without the cause's repair, not where another cause is left, and only by a remedy that starts something."""
    nginx = found("proxy/stopped", "start_nginx", explained_by=[STOPPED.id])
    todo = made(STOPPED, nginx)
    assert names(todo.actions) == ["start_database", "restart", "start_nginx"]
    assert todo.actions[-1].causes == [STOPPED.id]
    assert "start_nginx" in names(made(STOPPED, MISSING, nginx).actions), "another cause that is repaired is no reason"
    both = found("proxy/stopped", "start_nginx", explained_by=[STOPPED.id, SYNTAX.id])
    assert "start_nginx" not in names(made(STOPPED, SYNTAX, both).actions)
    assert made(STOPPED, SYNTAX, both, approved=[SYNTAX.id]).actions[-1].causes == [STOPPED.id, SYNTAX.id]
    effect = found("database/effect", explained_by=[STOPPED.id])
    indirect = found("proxy/stopped", "start_nginx", explained_by=[STOPPED.id, effect.id])
    assert "start_nginx" in names(made(STOPPED, effect, indirect).actions)
    pattern = {"explained_by": [STOPPED.id]}
    for other in (
        found("proxy/stopped", "start_nginx", risk="ask", **pattern),
        found("proxy/stopped", "start_nginx", risk="zealous", **pattern),
        found("proxy/stale", "reload_nginx", **pattern),
        found("proxy/stopped", "start_nginx", explained_by=["code/not-found"]),
    ):
        assert names(made(STOPPED, other).actions) == ["start_database", "restart"], other


def test_a_symptom_is_not_repaired() -> None:
    """What the user sees needs no remedy, nor does it wait for anybody."""
    todo = made(found("edge/bad-gateway", "restart", symptom=True))
    assert (todo.actions, todo.awaiting) == ([], [])


@pytest.mark.parametrize("name", blocking.IN_CONFLICT)
def test_a_tree_in_conflict_is_not_worked_on(name: str) -> None:
    """Nor is the app started from it; the database is. What is found counts, also where something explains it."""
    conflict = found(name, "abort_merge", risk="ask")
    todo = made(conflict, STOPPED, MISSING)
    assert names(todo.actions) == ["start_database"]
    assert held(todo) == {"pip_install": f"{name} is not repaired yet", "restart": f"{name} is not repaired yet"}
    assert todo.held_back[0]["for"] == [MISSING.id]
    approved = made(conflict, STOPPED, MISSING, approved=[name])
    assert names(approved.actions) == ["start_database", "abort_merge", "restart"]
    assert set(held(approved)) == {"pip_install"}
    explained = found(name, explained_by=[MISSING.id])
    assert "pip_install" in held(made(explained, MISSING))


def test_what_runs_the_app_waits_for_what_is_broken_below() -> None:
    """A restart would end what may still serve. Not where the rehearsal says that it would come up."""
    todo = made(STOPPED, SYNTAX, STATIC)
    assert names(todo.actions) == ["start_database"]
    assert set(held(todo)) == {"restart", "collectstatic"}
    assert held(todo)["restart"] == f"{SYNTAX.id} is not repaired yet"
    assert names(made(STOPPED, SYNTAX, evidence=DOWN | BOOTS).actions) == ["start_database", "restart"]
    unknown = DOWN | {"app": {"rehearsed": True}}
    assert "restart" in held(made(STOPPED, SYNTAX, evidence=unknown))
    for serves in (False, "True", 1):
        assert "restart" in held(made(STOPPED, SYNTAX, evidence=DOWN | {"app": {"serves": serves}}))
    lesser = found("environment/debug-on", risk="never", severity="advice")
    assert names(made(STOPPED, lesser).actions) == ["start_database", "restart"]


def test_new_code_is_not_started_without_its_tables() -> None:
    """The old one still serves: the restart waits while migrations do, or failed. A site that is down loses nothing."""
    stale = found("service/code-changed", "restart", severity="degraded")
    waiting = found("schema/risky-migrations", "migrate", risk="ask", then=["restart"], severity="degraded")
    serving, asked = WELL | BOOTS, [stale.id]
    assert held(made(stale, waiting, evidence=serving, approved=asked)) == {
        "restart": f"{waiting.id} is not repaired yet"
    }
    assert held(made(stale, waiting, evidence=DOWN | BOOTS)) == {}
    for edge in (None, "well", {}, {"well": "True"}, {"well": 1}, {"well": False}):
        assert held(made(stale, waiting, evidence=BOOTS | {"edge": edge}, approved=asked)) == {}
    partly = {"edge": {"well": False, "checks": [*DOWN["edge"]["checks"], *WELL["edge"]["checks"]]}}
    broken = found("dependencies/other", "pip_install", then=["restart"])
    todo = made(broken, waiting, evidence=partly | BOOTS)
    assert (names(todo.actions), held(todo)) == (["pip_install"], {"restart": f"{waiting.id} is not repaired yet"})
    both = [stale.id, waiting.id]
    assert names(made(stale, waiting, evidence=serving, approved=both).actions) == ["migrate", "restart"]
    both = [stale.id, UNAPPLIED.id]
    failed = made(stale, UNAPPLIED, evidence=serving, approved=both, failed=[("migrate", UNAPPLIED.id)])
    assert set(held(failed)) == {"restart", "migrate"}
    assert held(made(stale, UNAPPLIED, evidence=serving, approved=both, failed=[("migrate", "schema/other")])) == {}
    for name in ("code/other", "service/other"):
        other = found(name, "rollback_code", risk="ask", severity="degraded")
        assert held(made(stale, other, evidence=serving, approved=asked)) == {}
    lower = found("dependencies/other", "pip_install", severity="degraded")
    both = [stale.id, lower.id]
    failed = made(stale, lower, evidence=serving, approved=both, failed=[("pip_install", lower.id)])
    assert held(failed) == {}


@pytest.mark.parametrize(
    ("waits", "causes", "partner"),
    [
        (["restart"], {"migrate": ["a"], "restart": ["a"]}, {"migrate": "restart"}),
        (["migrate"], {"migrate": ["a"], "restart": ["a"]}, {"restart": "migrate"}),
        (["migrate"], {"migrate": ["a", "b"], "restart": ["b"]}, {"restart": "migrate"}),
        (["migrate"], {"migrate": ["a"], "restart": ["a", "b"]}, {}),
        (["migrate", "restart"], {"migrate": ["a"], "restart": ["a"]}, {}),
        ([], {"migrate": ["a"], "restart": ["a"]}, {}),
        (["restart"], {"restart": ["a"]}, {}),
        (["migrate"], {"migrate": ["a"]}, {}),
    ],
)
def test_migrate_and_restart_wait_for_one_another(
    waits: list[str], causes: dict[str, list[str]], partner: dict[str, str]
) -> None:
    """Unless the restart is for another cause as well, or the other one is not planned at all."""
    assert plan.held_with(waits, causes) == partner


def test_what_nobody_may_approve_is_not_offered_for_approval() -> None:
    """A person reads what to do by hand."""
    (never, ask) = made(
        found("code/a", "rollback_code", risk="never"), found("code/b", "rollback_code", risk="ask")
    ).awaiting
    assert (never["approve_with"], ask["approve_with"]) == (None, "rescue502_approve=[code/b]")


@pytest.mark.parametrize(
    ("exhausted", "lesser", "not_done"),
    [
        # What is for its causes alone comes with it, and so does what needs the layer that is not repaired.
        (["pip_install"], [], {"pip_install", "migrate", "restart"}),
        # What takes no site down keeps nothing waiting that is for another cause.
        (["pip_install"], ["dependencies/missing"], {"pip_install"}),
        # What comes before it goes on.
        (["migrate"], [], {"migrate", "restart"}),
        (["start_nginx"], [], {"start_nginx"}),
        (["restart"], ["dependencies/missing", "schema/unapplied-migrations"], {"restart", "migrate"}),
        (["unknown"], [], {"unknown"}),
    ],
)
def test_what_has_no_tries_left_keeps_waiting_what_needs_it(
    exhausted: list[str], lesser: list[str], not_done: set[str]
) -> None:
    """In the order of the plan: as where it fails."""
    planned = [
        planned_for("pip_install", "dependencies/missing"),
        planned_for("migrate", "schema/unapplied-migrations"),
        planned_for("restart", "dependencies/missing", "schema/unapplied-migrations"),
        planned_for("start_nginx", "proxy/stopped"),
    ]
    assert plan.not_done_without(exhausted, planned, lesser) == not_done


def test_what_is_for_no_other_cause_waits_with_the_lesser_one_too() -> None:
    """A restart that only follows what is not done would be one for nothing."""
    planned = [
        planned_for("permissions", "files/media-not-writable"),
        planned_for("restart", "files/media-not-writable"),
    ]
    assert plan.not_done_without(["permissions"], planned, ["files/media-not-writable"]) == {"permissions", "restart"}
    both = [*planned[:1], planned_for("restart", "files/media-not-writable", "service/failed")]
    assert plan.not_done_without(["permissions"], both, ["files/media-not-writable"]) == {"permissions"}


def planned_for(remedy: str, *causes: str) -> Planned:
    """An action of a plan."""
    return {"remedy": remedy, "for": list(causes), "risk": "safe", "vars": {}}


def test_one_remedy_for_two_folders_is_done_for_one() -> None:
    """The next look finds the other; a folder that is both's is made for both."""
    folder = found("service/worker-folder-missing", "make_socket_dir", vars={"rescue502_path": "/run/shop"})
    other = found("files/log-folder-missing", "make_socket_dir", vars={"rescue502_path": "/var/log/shop"})
    first = made(folder, other).actions[0]
    assert (first.causes, first.vars) == ([folder.id], {"rescue502_path": "/run/shop"})
    same = found("files/log-folder-missing", "make_socket_dir", vars={"rescue502_path": "/run/shop"})
    assert made(folder, same).actions[0].causes == [folder.id, same.id]
