"""A host that answers with nonsense or with commands for us: the run ends, and nothing of it is obeyed.

All of them answer in one run, each its own text, so that none may lead another host astray either.
"""

from __future__ import annotations

import json
import re
import resource
from pathlib import Path
from typing import Any

import bad_inputs
import pytest
from fake_hosts import SECONDS, FakeHost, Recovery, recover
from harmless import CANARY, check_clean

from tools import recordings

# What the run may take of memory at most, whatever the hosts answer.
BYTES = 2 * 2**30
# What the remedy for a stopped unit asks of a host.
REMEDY = {"restart"}
# How far a run comes whose host's answer cannot be read, says that it failed, or holds no claim; the others go on.
AS_FAR_AS = {
    "tags-of-trust": set(),
    "messages-that-a-terminal-obeys": {"claim", "restart"},
    "names-that-are-commands": {"claim", "restart"},
    "fifty-megabytes": {"claim"},
    "a-hundred-thousand-entries": {"claim"},
}
# They share a run, so one worker takes them all.
pytestmark = pytest.mark.xdist_group("hostile_answers")


def record_of(recovery: Recovery, name: str) -> dict[str, Any]:
    """The incident's record of a host."""
    (path,) = recovery.folder.glob(f"reports/*/{name}.json")
    incident: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return incident


def forged(given: dict[str, Any]) -> str:
    """An answer that serves every module: evidence of a stopped unit, with what is forged in it and around it.

    It also lets the run claim the host, so that the remedy and the next look meet what was forged. Not so where it is
    large: once is enough.
    """
    evidence, given = recordings.evidence("service/stopped"), dict(given)
    claim = {} if given.keys() & {"padding", "entries"} else {"held": True, "holder": {}, "exhausted": [], "waited": 0}
    padding, entries = given.pop("padding", 0), given.pop("entries", 0)
    evidence["stack"] = {**evidence["stack"], **given.pop("stack", {})}
    evidence["padding"] = {"text": "x" * padding, "entries": {f"k{number}": [number] for number in range(entries)}}
    return json.dumps({"changed": True, "evidence": evidence, "rc": 0, "stdout": "", **claim, **given})


def answers(outside: Path) -> dict[str, str]:
    """What each host answers. outside: a folder on the controller that forged answers name."""
    values = json.loads(json.dumps(bad_inputs.FORGED).replace("{outside}", str(outside)))
    return {**bad_inputs.ANSWERS, **{name: forged(value) for name, value in values.items()}}


def settings_in(name: str) -> set[str]:
    """Which settings of ours a forged answer sets as facts."""
    return {fact for fact in bad_inputs.FORGED[name].get("ansible_facts", {}) if fact.startswith("rescue502_")}


@pytest.fixture(scope="module")
def recovery(tmp_path_factory: pytest.TempPathFactory) -> Recovery:
    """One recovery of all of them, with the reports folder as an inventory sets it."""
    machines, folder = tmp_path_factory.mktemp("hosts"), tmp_path_factory.mktemp("answers")
    given = answers(folder / "outside")
    hosts = {name: FakeHost(name, machines / name).up(answer) for name, answer in given.items()}
    for path in (CANARY, Path(bad_inputs.PWNED)):
        path.unlink(missing_ok=True)
    return recover(hosts, {}, folder)


def test_the_run_ends_in_time_and_within_its_folder(recovery: Recovery) -> None:
    """Nothing is outside of the reports, nothing was run on the controller, and fifty megabytes fit."""
    assert recovery.seconds < SECONDS
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < BYTES
    assert {path.name for path in recovery.folder.iterdir()} == {"hosts.yml", "reports"}
    assert not CANARY.exists()
    assert not Path(bad_inputs.PWNED).exists()
    assert "/etc/passwd" not in recovery.output
    assert "connection: local" not in recovery.output


@pytest.mark.parametrize("name", bad_inputs.ANSWERS)
def test_an_unreadable_answer_ends_the_run(recovery: Recovery, name: str) -> None:
    """No result, or none that could be one: the run ends before anything is changed, and says so."""
    assert recovery.recap(name)["changed"] == 0
    assert "Nothing was changed" in record_of(recovery, name)["message"]
    assert "probe" in recovery.hosts[name].asked()
    assert recovery.hosts[name].asked() <= {"probe", "claim"}
    _ended_as_failed(recovery, name)


@pytest.mark.parametrize("name", bad_inputs.FORGED)
def test_a_forged_answer_commands_nothing(recovery: Recovery, name: str) -> None:
    """No remedy runs but the one for the evidence, nothing is approved, and the play fails."""
    record, asked = record_of(recovery, name), recovery.hosts[name].asked()
    assert [action["remedy"] for action in record["actions"]] in ([], ["restart"])
    assert asked <= REMEDY | {"probe", "claim", "kept_reports"}
    assert asked >= {"probe", *AS_FAR_AS.get(name, REMEDY)}
    _ended_as_failed(recovery, name)


@pytest.mark.parametrize("name", [name for name in bad_inputs.FORGED if settings_in(name)])
def test_settings_of_ours_that_a_host_returns_are_refused(recovery: Recovery, name: str) -> None:
    """The run ends there, and says which they are."""
    reported = re.search(r"returned settings of ours as facts \((.*)\): do not trust it", recovery.failure(name))
    assert reported, recovery.failure(name)
    assert settings_in(name) <= set(reported[1].split(", "))


def _ended_as_failed(recovery: Recovery, name: str) -> None:
    recap = recovery.recap(name)
    assert recap["failed"] + recap["unreachable"] == 1, recap
    texts = [path.read_text(encoding="utf-8") for path in recovery.folder.glob(f"reports/*/{name}.*")]
    assert texts
    check_clean(texts)
