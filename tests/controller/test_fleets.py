"""Many hosts in one run: what a healthy one costs, the brake, the table at the end, and what is handed on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_hosts import FakeHost, Recovery, play

from lab.playbook import ENVIRONMENT, ROOT
from tools import recordings

CLAIM = {"held": True, "holder": {}, "exhausted": [], "waited": 0}


def answer(name: str) -> str:
    """What a host answers to any module that is in the state of a recording."""
    evidence = recordings.evidence(name)
    if name == recordings.HEALTHY:
        # As far as a quick look goes, which is all that a healthy host gets.
        del evidence["rehearsal"]
    evidence["probe"]["started"] = datetime.now(UTC).isoformat()
    return json.dumps({"changed": True, "evidence": evidence, "rc": 0, "stdout": "", **CLAIM})


def defaults(folder: Path) -> dict[str, str]:
    """Ansible's own settings, as for who uses the collection without an ansible.cfg of ours."""
    (folder / "ansible.cfg").touch()
    collections = str(ROOT / "collections")
    settings = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": collections, "NO_COLOR": "1"}
    # The scripts that are hosts here take no files.
    return settings | {"ANSIBLE_PIPELINING": "true"}


def healthy(names: Sequence[str], machines: Path) -> dict[str, FakeHost]:
    """Hosts on which all is well."""
    text = answer(recordings.HEALTHY)
    return {name: FakeHost(name, machines / name).up(text) for name in names}


def lines_of(recovery: Recovery, name: str) -> list[str]:
    """The lines of a run's output, but for those of the recap, in which a host is named."""
    before, _recap, _after = recovery.output.partition("PLAY RECAP")
    return [line for line in before.splitlines() if re.search(rf"\b{name}\b", line)]


def table(recovery: Recovery) -> list[str]:
    """The lines of the last task's text."""
    last = recovery.output.partition("PLAY RECAP")[0].rpartition("TASK [")[2]
    assert last.startswith("The run is summed up"), last
    return [line.strip().strip('",') for line in last.splitlines() if line.startswith("        ")]


@pytest.mark.parametrize(
    ("playbook", "configured"), [("recover", True), ("recover", False), ("diagnose", False), ("verify", True)]
)
def test_a_healthy_host_costs_one_task_and_one_line(playbook: str, configured: bool, tmp_path: Path) -> None:
    """With Ansible's default callback, with our settings of it and without; one host more has the run's own lines."""
    hosts = healthy([f"web{number:02}" for number in range(1, 13)], tmp_path)
    run = play(playbook, hosts, tmp_path, environment=None if configured else defaults(tmp_path))
    assert run.returncode == 0, run.output
    recaps = {name: run.recap(name) for name in hosts}
    assert all(recap["changed"] == 0 for recap in recaps.values())
    assert sorted(recap["ok"] + recap["skipped"] for recap in recaps.values())[:11] == [1] * 11, recaps
    assert sorted(len(lines_of(run, name)) for name in hosts)[:11] == [1] * 11, run.output
    assert all(host.asked() == {"probe"} for host in hosts.values())
    assert len(run.output.splitlines()) <= 12 * 2 + 32, run.output
    assert "12 of 12 hosts: healthy" in run.output


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Recovery:
    """Six hosts: two are well, one is stopped and comes back, two cannot reach their database, one is not there."""
    folder = tmp_path_factory.mktemp("mixed")
    hosts = healthy(["web1", "web6"], folder / "machines")
    hosts["web2"] = FakeHost("web2", folder / "machines/web2").up(
        answer("service/stopped"), restarted=answer(recordings.HEALTHY)
    )
    for name in ("web3", "web4"):
        hosts[name] = FakeHost(name, folder / "machines" / name).up(answer("database/unreachable-remote"))
    hosts["web5"] = FakeHost("web5", folder / "machines/web5").up("").unreachable()
    return play("recover", dict(sorted(hosts.items())), folder)


def test_the_table_is_last_and_has_each_host(mixed: Recovery) -> None:
    """Host, outcome, seconds and cause; what hosts share, once, and the hosts that are well in one line."""
    lines = table(mixed)
    rows = {line.split()[0]: line.split() for line in lines if line.startswith("web")}
    assert {name: row[1] for name, row in rows.items()} == {
        "web2": "recovered", "web3": "needs-human", "web4": "needs-human", "web5": "unreachable",
    }  # fmt: skip
    assert rows["web2"][3] == "service/stopped"
    assert "2 of 6 hosts: database/unreachable-remote, 203.0.113.7:5432" in lines
    assert lines[-1] == "2 of 6 hosts: healthy"


def test_who_is_not_well_fails_and_who_is_was_not_touched(mixed: Recovery) -> None:
    """The recap and the return code are Ansible's own: failed, and unreachable."""
    recaps = {name: mixed.recap(name) for name in mixed.hosts}
    assert {name for name, recap in recaps.items() if recap["failed"]} == {"web3", "web4"}
    assert {name for name, recap in recaps.items() if recap["unreachable"]} == {"web5"}
    assert mixed.returncode == 4
    assert mixed.hosts["web1"].asked() == mixed.hosts["web6"].asked() == {"probe"}
    assert "restart" in mixed.hosts["web2"].asked()


def test_where_every_host_fails_the_table_is_there(tmp_path: Path) -> None:
    """Nobody is left whom Ansible would go on with."""
    names = ("web1", "web2")
    hosts = {name: FakeHost(name, tmp_path / name).up(answer("database/unreachable-remote")) for name in names}
    run = play("diagnose", hosts, tmp_path)
    assert run.returncode == 2
    assert "2 of 2 hosts: database/unreachable-remote, 203.0.113.7:5432" in table(run)


def test_where_no_host_is_reached_the_table_is_there(tmp_path: Path) -> None:
    """It says of each that it could not be reached; a single host has Ansible's own return code for that."""
    hosts = {name: FakeHost(name, tmp_path / name).up("").unreachable() for name in ("web1", "web2")}
    run = play("recover", hosts, tmp_path)
    assert [line.split()[1] for line in table(run) if line.startswith("web")] == ["unreachable"] * 2
    alone = play("recover", {"web1": hosts["web1"]}, tmp_path)
    assert alone.returncode == 4


def test_one_host_has_its_report_and_no_table(tmp_path: Path) -> None:
    """What it says of itself is all there is to say."""
    run = play("recover", healthy(["web1"], tmp_path), tmp_path)
    assert run.returncode == 0
    assert "healthy: the edge answers" in run.output
    assert "of 1 hosts" not in run.output


def stopped(names: Sequence[str], machines: Path, *, comes_back: bool = True) -> dict[str, FakeHost]:
    """Hosts on which the unit is stopped, and whether a restart helps."""
    text, later = answer("service/stopped"), answer(recordings.HEALTHY if comes_back else "service/stopped")
    return {name: FakeHost(name, machines / name).up(text, restarted=later) for name in names}


def outcomes(recovery: Recovery) -> dict[str, str]:
    """The outcome of each host, from its record."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in recovery.folder.glob("reports/*/*.json")]
    return {record["host"]: record["outcome"] for record in records}


def first_restart(host: FakeHost) -> float:
    """When a host was first asked for a restart, in seconds since the epoch."""
    return min(time for name, time in host.times() if name == "restart")


def test_where_many_show_the_same_cause_one_is_repaired_first(tmp_path: Path) -> None:
    """And verified, before the others begin; a host with a cause of its own waits for nobody."""
    hosts = stopped(["web1", "web2", "web3", "web4", "web5"], tmp_path)
    run = play("recover", hosts, tmp_path)
    assert run.returncode == 0, run.output[-3000:]
    assert outcomes(run) == dict.fromkeys(hosts, "recovered")
    said = "[WARNING]: service/stopped: repaired on web1 first; 4 hosts follow in steps, as long as each step holds"
    assert said in " ".join(run.output.split())
    held = max(time for name, time in hosts["web1"].times() if name == "probe")
    second = [first_restart(hosts[name]) for name in ("web2", "web3", "web4")]
    assert held < min(second)
    assert max(second) < first_restart(hosts["web5"])


def test_it_stops_where_the_first_does_not_hold(tmp_path: Path) -> None:
    """The others are not touched; each says for whom it waited."""
    hosts = stopped(["web1"], tmp_path, comes_back=False) | stopped(["web2", "web3", "web4"], tmp_path)
    run = play("recover", hosts, tmp_path)
    assert run.returncode == 2
    assert "restart" in hosts["web1"].asked()
    assert outcomes(run) == {"web1": "failed"} | dict.fromkeys(["web2", "web3", "web4"], "needs-human")
    assert all(hosts[name].asked() == {"probe"} for name in ("web2", "web3", "web4"))
    assert "the repair of the same cause does not hold on web1 (failed)" in run.output


def test_nothing_is_restarted_around_a_dependency_that_is_down(tmp_path: Path) -> None:
    """It is named once, before anything is changed; the host with another cause is repaired."""
    text = answer("database/unreachable-remote")
    hosts = {name: FakeHost(name, tmp_path / name).up(text) for name in ("web1", "web2", "web3")}
    hosts |= stopped(["web4"], tmp_path)
    run = play("recover", hosts, tmp_path)
    assert outcomes(run) == dict.fromkeys(["web1", "web2", "web3"], "needs-human") | {"web4": "recovered"}
    assert all(hosts[name].asked() == {"probe"} for name in ("web1", "web2", "web3"))
    said = "database/unreachable-remote, 203.0.113.7:5432 is down for 3 of 4 hosts; nothing is done around it"
    assert said in " ".join(run.output.split())


def test_a_slice_says_that_it_is_one_and_takes_no_approval_without_a_host(tmp_path: Path) -> None:
    """Its approvals go to the other slices too; one for a host of another slice is that one's."""
    sliced = ("-e", "awx_job_slice_count=2", "-e", "awx_job_slice_number=1")
    hosts = healthy(["web1"], tmp_path)
    refused = play("recover", hosts, tmp_path, words=(*sliced, "-e", "rescue502_approve=code/syntax-error"))
    assert refused.returncode == 2
    assert "write code/syntax-error@web1 for this host, or code/syntax-error@* for all of them" in " ".join(
        refused.failure("web1").split()
    )
    for approval in ("code/syntax-error@web9", "code/syntax-error@*"):
        assert play("recover", hosts, tmp_path, words=(*sliced, "-e", f"rescue502_approve={approval}")).returncode == 0


def test_what_a_run_hands_on_names_all_hosts(tmp_path: Path) -> None:
    """Also of a failing run: a workflow goes on from there."""
    hosts = healthy(["web1"], tmp_path) | {"web2": FakeHost("web2", tmp_path / "web2").up(answer("code/syntax-error"))}
    run = play("diagnose", hosts, tmp_path, environment=ENVIRONMENT | {"ANSIBLE_SHOW_CUSTOM_STATS": "true"})
    assert run.returncode == 2
    stats = run.output.partition("CUSTOM STATS: ")[2]
    assert "code/syntax-error@web2" in stats
    assert re.search(r"rescue502_outcomes: *\n? *.*web1.*healthy", stats, re.DOTALL)
