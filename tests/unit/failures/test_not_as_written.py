"""When a variable that systemd reads otherwise is the cause: on a recording, with one fact changed at a time."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings

WRITTEN, WRONG, NGINX = "environment/not-as-written", "database/wrong-password", "proxy/config-invalid"
CATALOGUE = load()


def changed(**facts: Any) -> dict[str, Any]:
    """The recording with other facts about the variable."""
    evidence = copy.deepcopy(recordings.evidence(WRITTEN))
    evidence["trials"]["written"][0].update(facts)
    return evidence


def test_it_is_the_cause_and_a_persons() -> None:
    """Tried; the refused password is its effect, so that nobody is asked to change the role's."""
    found = diagnose(changed(), CATALOGUE)
    assert [(cause.id, cause.known.how) for cause in found.root_causes] == [(WRITTEN, "tried")]
    assert WRITTEN in next(item.explained_by for item in found.findings if item.id == WRONG)
    assert plan.make(found).actions == []
    assert "sed -i '2{ s/%h/%%h/g; s/%t/%%t/g; }' /etc/systemd/system/" in found.root_causes[0].by_hand
    assert "sed" not in diagnose(changed(alone=False), CATALOGUE).root_causes[0].by_hand
    assert "password" not in found.root_causes[0].by_hand.lower().replace("db_password", "")


def test_without_proof_it_is_a_remark() -> None:
    """The password that is written there is refused too: that is said, and it is no cause."""
    found = diagnose(changed(helps=False), CATALOGUE)
    assert [cause.id for cause in found.root_causes] == [WRONG]
    assert ":2 sets DB_PASSWORD, of which systemd makes another value" in found.root_causes[0].because
    other = diagnose(changed(helps=False, name="INSTANCE"), CATALOGUE)
    assert [cause.id for cause in other.root_causes] == [WRONG]
    assert "INSTANCE" not in other.root_causes[0].because


def test_what_keeps_nginx_down_is_named_too() -> None:
    """Neither explains the other."""
    evidence = {**changed(), "proxy": recordings.evidence(NGINX)["proxy"], "edge": recordings.evidence(NGINX)["edge"]}
    assert {cause.id for cause in diagnose(evidence, CATALOGUE).root_causes} == {WRITTEN, NGINX}


KINDS = {
    ("specifier", True): (
        "has %h and %t in it, which systemd takes for specifiers (a percent sign is written %%)",
        "%%",
    ),
    ("percent", True): ("has %% in it, which systemd takes for %", "each percent sign of the value as %%"),
    ("percent", False): ("has %% in it, which stays %%", "write a percent sign once"),
    ("dollar", True): ("which systemd takes for a variable", "each $ of the value as $$"),
    ("dollar", False): ("has $$ in it, which stays $$", "write a $ once"),
    ("reference", False): ("names another variable", "the value itself"),
    ("comment", False): ("a comment behind it", "a line of its own"),
    ("backslash", True): ("a backslash", r"as \\"),
    ("backslash", False): ("a backslash", "between single quotes"),
    ("quote", True): ("a quote", "with a backslash before it"),
    ("blank", True): ("a blank in it", "between double quotes"),
}


@pytest.mark.parametrize(("kind", "in_unit"), KINDS)
def test_each_part_has_its_words(kind: str, in_unit: bool) -> None:
    """What is read otherwise, and how to write it."""
    (cause,) = diagnose(changed(kind=kind, in_unit=in_unit), CATALOGUE).root_causes
    said, to_write = KINDS[kind, in_unit]
    assert said in cause.because
    assert to_write in cause.by_hand
    assert "ignores the whole" not in cause.because
    (cause,) = diagnose(changed(kind=kind, in_unit=in_unit, given=False), CATALOGUE).root_causes
    assert "systemd ignores the whole assignment" in cause.because
