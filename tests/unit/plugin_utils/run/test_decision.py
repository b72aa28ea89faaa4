"""What is done after a look: the plan's fresh remedies, what is taken back first, and what the roles get to know."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.run import decision, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident

from tools import recordings

CATALOGUE = load()
GIVEN = settings.read({"inventory_hostname": "host"}, None)
STOPPED, UNREADABLE = "database/stopped", "files/code-unreadable"


def found(name: str, **changed: Any) -> Diagnosis:
    """The diagnosis of a recorded host; `changed` takes the place of whole sections."""
    return diagnose({**copy.deepcopy(recordings.evidence(name)), **changed}, CATALOGUE)


@pytest.fixture
def record(tmp_path: Path) -> Incident:
    """The record of a run that has seen nothing yet."""
    return Incident(tmp_path, "id", "host", "recover")


def test_a_look_goes_on_while_there_is_something_to_do(record: Incident) -> None:
    """What was done for the same causes is not done again, and then there is nothing left."""
    first = decision.decide(found(STOPPED), [], GIVEN, record)
    assert [action["remedy"] for action in first["plan"]] == ["start_database", "restart"]
    assert (first["done"], first["take_back"], first["restart_after"], first["bundle_due"]) == (False, [], False, False)
    for action in first["plan"]:
        record.act(action["remedy"], action["for"], changed=True, ok=True)
    second = decision.decide(found(STOPPED), [], GIVEN, record)
    assert (second["plan"], second["done"], second["number"]) == ([], True, 2)


@pytest.mark.parametrize("restarted", [True, False])
def test_what_was_in_vain_is_taken_back_first(record: Incident, restarted: bool) -> None:
    """And what was started from it is started anew; the look is not the last."""
    decision.decide(found(UNREADABLE), [], GIVEN, record)
    record.act("permissions", [UNREADABLE], changed=True, ok=True)
    if restarted:
        record.act("restart", [UNREADABLE], changed=True, ok=True)
    again = decision.decide(found(UNREADABLE), [], GIVEN, record)
    assert again["take_back"] == ["1-permissions"]
    assert (again["plan"], again["done"], again["restart_after"]) == ([], False, restarted)


def test_what_has_failed_is_followed_by_nothing(record: Incident) -> None:
    """No restart without the repair that it would follow."""
    record.act("start_database", [STOPPED], changed=False, ok=False)
    assert [action["remedy"] for action in decision.decide(found(STOPPED), [], GIVEN, record)["plan"]] == []


@pytest.mark.parametrize(("exists", "path"), [(True, "/srv/r.txt"), (False, ""), ("yes", "")])
def test_only_requirements_that_are_there_reach_the_role(record: Incident, exists: Any, path: str) -> None:
    """A host may answer anything: nothing but `true` says that the file is there."""
    given = copy.deepcopy(recordings.evidence(STOPPED)["dependencies"])
    given["requirements"].update(path="/srv/r.txt", exists=exists)
    assert decision.decide(found(STOPPED, dependencies=given), [], GIVEN, record)["stack"]["requirements"] == path


def test_the_settings_module_is_the_one_that_was_loaded(record: Incident) -> None:
    """Else the one that the unit or manage.py names."""
    evidence = copy.deepcopy(recordings.evidence(STOPPED))
    evidence["stack"]["settings_module"] = "shop.named"
    evidence["rehearsal"]["steps"]["settings"]["module"] = "shop.loaded"
    assert (
        decision.decide(diagnose(evidence, CATALOGUE), [], GIVEN, record)["stack"]["settings_module"] == "shop.loaded"
    )
    evidence["rehearsal"]["steps"]["settings"]["module"] = ""
    assert decision.decide(diagnose(evidence, CATALOGUE), [], GIVEN, record)["stack"]["settings_module"] == "shop.named"


def test_a_piece_of_evidence_by_its_path() -> None:
    """None where the path ends early, whatever stands there."""
    assert decision.within({"a": {"b": 1}}, "a", "b") == 1
    assert [decision.within(given, "a", "b") for given in ({"a": 1}, {"b": 1}, [], None)] == [None] * 4


@pytest.mark.parametrize(
    ("causes", "unread", "well", "unexplained"),
    [
        (False, [], False, True),
        (True, [], False, False),
        (False, [{"what": "the log"}], False, False),
        (False, [], True, False),
        (True, [{"what": "the log"}], True, False),
    ],
)
def test_what_nobody_explains(causes: bool, unread: list[Any], well: bool, unexplained: bool) -> None:
    """The edge is not well, all was read, and no cause was seen: an expert is asked then."""
    edge = {"edge": {"well": well, "configured": True, "checks": [{"name": "/", "status": 200, "well": well}]}}
    given = Diagnosis(found(STOPPED).findings if causes else (), {**edge, "probe": {"unread": unread}})
    assert decision.is_unexplained(given) is unexplained
