"""Every failure mode on the evidence that a lab host gave when it was broken so: the same findings, without a host."""

from __future__ import annotations

import copy
import re
import time

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import may_help, site_state

from tools import recordings

CATALOGUE = load()
# Long, and of letters in both cases and digits: a key, a token, a password. Names with dots, paths and hashes are not.
RANDOM = re.compile(r"(?<![\w/.+-])(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])(?=[\w+-]*\d)[\w+-]{14,}(?![\w/.])")
PATTERNS = (
    re.compile(r"-----BEGIN"),
    re.compile(r"eyJ[\w-]{8,}\."),
    re.compile(r"\w+://[^\s:/@]+:(?!\*{8}@)[^\s@]+@"),
    re.compile(r"""(?i)(?:password|secret(?:_?key)?|token|api_?key)["']?\s*[=:]\s*["']?(?!\*{4})[\w+/-]{8,}"""),
)
# systemd names each start of a unit by random digits, and a checkout each commit.
HASH = re.compile(r"^[0-9a-f]+$")


def test_each_failure_mode_is_recorded() -> None:
    """`make record ONLY=stale` makes the recordings that are missing."""
    assert set(CATALOGUE.modes) - set(recordings.names()) == set()


@pytest.mark.parametrize(("name", "shape"), [pair for pair in recordings.pairs() if pair[0] in CATALOGUE.modes])
def test_recorded(name: str, shape: str) -> None:
    """The same cause as on the host, and its remedy."""
    mode = CATALOGUE.modes[name]
    found = diagnose(recordings.evidence(name, shape), CATALOGUE)
    assert recordings.is_reported(mode, found), [finding.id for finding in found.root_causes]
    approved = plan.make(found, [mode.id])
    if mode.remedy and not mode.symptom:
        own, planned = [mode.remedy, *mode.then], [action.remedy for action in approved.actions]
        assert [remedy for remedy in planned if remedy in own] == own
        # What went down with the cause is started, and nothing else is done.
        assert set(planned) - set(own) <= {name for name in planned if remedies.get(name).starts}
        unasked = mode.risk_on(found.evidence) == "safe" and may_help(mode.layer, site_state(found.evidence))
        assert bool(plan.make(found).actions) == unasked
    assert "(some evidence" not in "".join(finding.because + finding.by_hand for finding in found.root_causes)


@pytest.mark.parametrize(("name", "shape"), recordings.pairs())
def test_a_recording_is_fresh(name: str, shape: str) -> None:
    """It has all facts that are collected today, of their types, and no other: what is unknown shows nothing."""
    assert recordings.stale(name, shape) == [], f"make record ONLY={name}, or ONLY=stale"


def test_no_recording_is_left_over() -> None:
    """Each is of a failure mode that is there, or of a healthy host."""
    assert set(recordings.names()) - set(CATALOGUE.modes) == {recordings.HEALTHY}


@pytest.mark.parametrize(("name", "shape"), [pair for pair in recordings.pairs() if pair[0] == recordings.HEALTHY])
def test_a_healthy_host_has_no_findings(name: str, shape: str) -> None:
    """Nothing is found where nothing is wrong."""
    assert diagnose(recordings.evidence(name, shape), CATALOGUE).findings == ()


def test_several_causes_are_planned_from_the_ground_up() -> None:
    """A stopped database and a missing package: both named, each remedy once, the restart last."""
    evidence = copy.deepcopy(recordings.evidence("dependencies/missing"))
    evidence["database"] = recordings.evidence("database/stopped")["database"]
    found = diagnose(evidence, CATALOGUE)
    assert [cause.id for cause in found.root_causes] == ["database/stopped", "dependencies/missing"]
    assert [action.remedy for action in plan.make(found).actions] == ["start_database", "pip_install", "restart"]


def test_a_diagnosis_takes_milliseconds() -> None:
    """The whole catalogue on one host's evidence; a tenth of a second of a core is far more than it takes."""
    evidence = recordings.evidence("database/stopped")
    diagnose(evidence, CATALOGUE)
    begun = time.process_time()
    diagnose(evidence, CATALOGUE)
    assert time.process_time() - begun < 0.1


@pytest.mark.parametrize(("name", "shape"), recordings.pairs())
def test_no_secret_is_recorded(name: str, shape: str) -> None:
    """Nothing that looks like a key or a password, and nothing after a name that calls it one."""
    text = recordings.text(name, shape).replace('\\"', '"')
    assert [found for pattern in PATTERNS for found in pattern.findall(text)] == []
    assert [word for word in RANDOM.findall(text) if not HASH.match(word)] == []


def test_the_search_for_secrets_finds_some() -> None:
    """It would see a password in a URL, after its name, and a key by its look."""
    leaks = ("postgres://app:hunter2x@db/x", "DB_PASSWORD=hunter2xyz", '"secret_key": "abcdefgh12"', "eyJhbGciOiJ.x")
    assert all(any(pattern.search(text) for pattern in PATTERNS) for text in leaks)
    assert RANDOM.search('key "Zk93hGq2Lm5pTT9q"')
