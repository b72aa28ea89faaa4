"""Migrations: what could lose data, what a failed run has left, and the way back."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    migrations,
    rehearsal_source,
    script_migrations,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident

from tools import recordings

RISKY, SAFE = "schema/risky-migrations", "schema/unapplied-migrations"


def pending(app: str, name: str, *after: str, **more: Any) -> dict[str, Any]:
    """A migration that is not applied, and harmless unless configured otherwise."""
    return {
        "app": app,
        "name": name,
        "after": list(after),
        "risks": [],
        "known": True,
        "reversible": True,
        "atomic": True,
        **more,
    }


CHAIN = [pending("a", "0002", "0001"), pending("b", "0001"), pending("a", "0003", "0002")]


def test_what_a_run_has_applied() -> None:
    """All that is no longer pending, in its order."""
    assert migrations.no_longer_pending(CHAIN, CHAIN[2:]) == CHAIN[:2]
    assert migrations.no_longer_pending(CHAIN, CHAIN) == []


def test_the_way_back() -> None:
    """Each app to what its first new migration follows, or to nothing; the last app first."""
    assert migrations.way_back(CHAIN) == [["migrate", "b", "zero"], ["migrate", "a", "0001"]]
    assert migrations.way_back([]) == []


def test_only_what_loses_nothing_is_taken_back() -> None:
    """Nothing that could have lost data, and nothing irreversible."""
    assert migrations.can_go_back(CHAIN)
    assert not migrations.can_go_back([*CHAIN, pending("a", "0004", "0003", risks=["RunPython in a"])])
    assert not migrations.can_go_back([*CHAIN, pending("a", "0004", "0003", reversible=False)])


def test_what_a_failed_migration_leaves() -> None:
    """Nothing, where it is atomic and the database can roll tables back."""
    assert migrations.leaves_nothing(CHAIN[0], True)
    assert not migrations.leaves_nothing(CHAIN[0], False)
    assert not migrations.leaves_nothing(pending("a", "0002", atomic=False), True)


def operation(kind: str, module: str = "django.db.migrations.operations.fields", **values: Any) -> Any:
    """An operation as Django's would look."""
    return type(kind, (), {"__module__": module, "reversible": True, "noop": "", **values})()


def field(kind: str, null: bool = False, **values: Any) -> Any:
    """A model's field."""
    return SimpleNamespace(null=null, get_internal_type=lambda: kind, **values)


@pytest.mark.parametrize(
    ("given", "risks"),
    [
        (operation("AddField", model_name="Page", name="city"), []),
        (operation("RemoveField", model_name="Page", name="Slug"), ["RemoveField notes.page.slug"]),
        (operation("DeleteModel", name="Page"), ["DeleteModel notes.page"]),
        (operation("DeleteModel", name="Seen"), []),
        (operation("AlterField", model_name="Page", name="slug", field=field("TextField")), []),
        (
            operation("AlterField", model_name="Page", name="slug", field=field("SlugField", max_length=9)),
            ["AlterField notes.page.slug"],
        ),
        (operation("RunPython", code=len), ["RunPython in notes"]),
        (operation("RunPython", code=""), []),
        (operation("RunSQL", sql="DELETE FROM x"), ["RunSQL in notes"]),
        (operation("RunSQL", sql=""), []),
        (operation("Purge", module="acme.operations"), ["Purge in notes, which is not one of Django's own"]),
        (operation("AddIndex", reversible=False), ["AddIndex in notes, which cannot be reversed"]),
        (
            operation(
                "SeparateDatabaseAndState",
                database_operations=[operation("RemoveField", model_name="Page", name="slug")],
            ),
            ["RemoveField notes.page.slug"],
        ),
    ],
    ids=lambda item: type(item).__name__ if not isinstance(item, list) else "",
)
def test_what_an_operation_could_lose(given: Any, risks: list[str]) -> None:
    """Rows and columns, or anything at all where free code runs."""
    models = {
        ("notes", "page"): SimpleNamespace(fields={"slug": field("SlugField", max_length=50)}, options={}),
        ("notes", "seen"): SimpleNamespace(fields={}, options={"managed": False}),
    }
    assert script_migrations.risks_of(given, "notes", SimpleNamespace(models=models), set()) == risks


def test_what_the_same_run_has_made_is_not_a_loss() -> None:
    """As in a new app, whose history is applied in one go."""
    made: set[Any] = set()
    state = SimpleNamespace(models={})
    assert script_migrations.risks_of(operation("CreateModel", name="Page"), "notes", state, made) == []
    gone = operation("RemoveField", model_name="Page", name="slug")
    assert script_migrations.risks_of(gone, "notes", state, made) == []
    assert script_migrations.risks_of(gone, "other", state, made) == ["RemoveField other.page.slug"]


@pytest.mark.parametrize(
    ("old", "new", "narrows"),
    [
        (field("CharField", max_length=9), field("CharField", max_length=10), False),
        (field("CharField", max_length=9), field("CharField", max_length=8), True),
        (field("CharField", max_length=None), field("CharField", max_length=8), True),
        (field("SlugField", max_length=9), field("CharField", max_length=9), False),
        (field("TextField"), field("CharField", max_length=9), True),
        (field("IntegerField"), field("BigIntegerField"), False),
        (field("BigIntegerField"), field("IntegerField"), True),
        (field("IntegerField", null=True), field("IntegerField"), True),
        (field("IntegerField"), field("IntegerField", null=True), False),
        (
            field("DecimalField", max_digits=5, decimal_places=2),
            field("DecimalField", max_digits=5, decimal_places=3),
            True,
        ),
        (None, field("IntegerField"), True),
    ],
)
def test_a_field_that_is_narrowed(old: Any, new: Any, narrows: bool) -> None:
    """One that may not take a value that the old one held."""
    assert script_migrations.narrows(old, new) == narrows


def test_the_rehearsal_is_one_text() -> None:
    """It imports nothing of ours where it runs, has each name that it uses, and no part takes another's."""
    text = rehearsal_source.source()
    functions = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert sorted(functions) == sorted(set(functions))
    assert "ansible_collections" not in text
    names: dict[str, Any] = {"__name__": "alone"}
    exec(compile(text, "rehearsal", "exec"), names)
    assert dict(names["STEPS"])["migrations"] is names["compare_migrations"]


@pytest.mark.parametrize(("risks", "cause"), [([], SAFE), (["RunPython in a"], RISKY), (None, "")])
def test_one_of_two_is_found(risks: list[str] | None, cause: str) -> None:
    """Where it is not known what is risky, nothing is called safe."""
    evidence = recordings.evidence(SAFE)
    step = evidence["rehearsal"]["steps"]["migrations"]
    step["pending"] = [pending("a", "0002", "0001", risks=risks)]
    if risks is None:
        del step["pending"]
    found = [finding.id for finding in diagnose(evidence, load()).root_causes]
    assert [name for name in found if name.startswith("schema/")] == ([cause] if cause else [])


def test_risks_that_are_not_known_yet_are_left_to_the_remedy() -> None:
    """An app that does not load reports none; when it does, the remedy looks again and applies none that is risky."""
    evidence = recordings.evidence(SAFE)
    unknown = pending("a", "0002", "0001", risks=["not known, for a.0001 raises AppRegistryNotReady"], known=False)
    evidence["rehearsal"]["steps"]["migrations"]["pending"] = [unknown]
    found = diagnose(evidence, load())
    assert [finding.id for finding in found.root_causes if finding.id.startswith("schema/")] == [SAFE]
    (migrate,) = [action for action in plan.make(found).actions if action.remedy == "migrate"]
    assert migrate.vars["rescue502_migrate_risky"] is False


def test_new_code_is_not_started_without_its_tables() -> None:
    """While the old still serves: neither where a migration waits for approval nor where one failed."""
    evidence = recordings.evidence("dependencies/missing")
    migrating = recordings.evidence(SAFE)["rehearsal"]["steps"]["migrations"]
    evidence["edge"]["well"] = True
    evidence["rehearsal"]["steps"]["migrations"] = {**migrating, "pending": [pending("a", "2", risks=["RunSQL in a"])]}
    asked = ["dependencies/missing"]
    waits = plan.make(diagnose(evidence, load()), asked)
    assert "restart" not in [action.remedy for action in waits.actions]
    assert {
        "remedy": "restart",
        "for": ["dependencies/missing"],
        "why": f"{RISKY} is not repaired yet",
    } in waits.held_back
    evidence["rehearsal"]["steps"]["migrations"]["pending"] = [pending("a", "2")]
    found = diagnose(evidence, load())
    assert plan.make(found).actions == []
    assert "restart" not in [action.remedy for action in plan.make(found, asked).actions]
    asked.append(SAFE)
    assert [action.remedy for action in plan.make(found, asked).actions][-2:] == ["migrate", "restart"]
    assert "restart" not in [action.remedy for action in plan.make(found, asked, [("migrate", SAFE)]).actions]


@pytest.mark.parametrize(("well", "risk"), [(True, "ask"), (None, "ask"), (False, "safe")])
def test_a_site_that_serves_is_migrated_where_approved(well: bool | None, risk: str) -> None:
    """Old code may not fit new tables. Where it is not known whether the site serves, it is asked as well."""
    evidence = recordings.evidence(SAFE)
    del evidence["edge"]["well"]
    evidence["edge"].update({} if well is None else {"well": well})
    found = diagnose(evidence, load())
    (cause,) = (cause for cause in found.root_causes if cause.id == SAFE)
    assert (cause.risk, cause.public()["risk"]) == (risk, risk)
    unasked, approved = plan.make(found), plan.make(found, [SAFE])
    assert [action.remedy for action in unasked.actions] == ([] if risk == "ask" else ["migrate", "restart"])
    assert [item["approve_with"] for item in unasked.awaiting] == (
        [f"rescue502_approve=[{SAFE}]"] if risk == "ask" else []
    )
    assert [action.remedy for action in approved.actions] == ["migrate", "restart"]


def test_migration_and_restart_are_held_back_together() -> None:
    """Over a broken app, in a tree in conflict, or when either was tried too often."""
    evidence = recordings.evidence(SAFE)
    evidence["code"]["git"].update(operation="merge", unmerged=["a.py"], conflicts=["a.py"])
    todo = plan.make(diagnose(evidence, load()), [SAFE])
    assert (todo.actions, [item["remedy"] for item in todo.held_back]) == ([], ["migrate", "restart"])
    both = {"migrate": ["a"], "restart": ["a"]}
    assert plan.held_with({"restart": 3}, both) == {"migrate": "restart"}
    assert plan.held_with({"migrate": 3}, both) == {"restart": "migrate"}
    assert plan.held_with({"migrate": 3}, {**both, "restart": ["a", "b"]}) == {}, "another cause is repaired"
    assert plan.held_with({"restart": 3}, {**both, "restart": ["a", "b"]}) == {"migrate": "restart"}
    assert plan.held_with({"restart": 3}, {"migrate": ["a"]}) == plan.held_with({}, both) == {}


def test_nothing_comes_between_migration_and_restart() -> None:
    """What fails there would leave old code on new tables; and a run whose time is up still restarts."""
    evidence = recordings.evidence(SAFE)
    evidence["service"]["unit"].update(needs_reload=True, objection="")
    made = plan.make(diagnose(evidence, load()), [SAFE])
    planned, later = ([action.remedy for action in part] for part in (made.actions, made.later))
    assert (planned, later) == (["migrate", "restart"], ["daemon_reload"])


def test_a_late_run_still_restarts_what_it_migrated(tmp_path: Path) -> None:
    """The plan ends where time is up, but not there."""
    record = Incident(tmp_path, "20260131T120000Z-ab12cd", "host", "recover")
    record.data["plan"] = [{"remedy": name, "for": [SAFE]} for name in ("migrate", "restart")]
    assert not record.owes_restart()
    record.act("migrate", [SAFE], changed=True, ok=True)
    assert record.owes_restart()
    record.act("restart", [SAFE], changed=True, ok=True)
    assert not record.owes_restart()


def test_a_restart_tried_too_often_leaves_the_tables_alone(tmp_path: Path) -> None:
    """Both leave the plan, each with its reason, and a person is asked once."""
    record = Incident(tmp_path, "20260131T120000Z-ab12cd", "host", "recover")
    record.data["plan"] = [{"remedy": name, "for": [SAFE]} for name in ("migrate", "restart")]
    record.data["findings"] = [{"id": SAFE, "remedy": "migrate", "severity": "outage", "by_hand": "look"}]
    record.give_up({"restart": 3}, 600)
    assert record.data["plan"] == []
    assert [item["why"] for item in record.data["held_back"]] == [
        "is not done without restart",
        "was tried 3 times within 10 min, "
        "in vain or to break again; it is tried again where rescue502_budget is higher",
    ]
    assert [item["id"] for item in record.data["awaiting"]] == [SAFE]


def test_nothing_follows_a_remedy_that_failed() -> None:
    """A restart is for what was repaired."""
    found = diagnose(recordings.evidence(RISKY), load())
    assert [action.remedy for action in plan.make(found, [RISKY]).actions] == ["migrate", "restart"]
    assert [action.remedy for action in plan.make(found, [RISKY], [("migrate", RISKY)]).actions] == ["migrate"]
