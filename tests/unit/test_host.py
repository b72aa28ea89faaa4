"""The host's layer: what is full and what may go, whom the kernel killed, names, clocks, and what comes after."""

from __future__ import annotations

import copy
import datetime
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import log, storage
from ansible_collections.rescue502.django.plugins.module_utils.storage import locations, removable_files
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, name_resolution, oom_kills
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose, prepare
from test_diagnosis import causes, evidence

CATALOGUE = load()
ROOM = {"full": False, "without_inodes": False, "read_only": False}


def system(*wanted: tuple[str, bool], **facts: Any) -> dict[str, Any]:
    """A file system as the storage collector reports it, with (purpose, vital) of each place on it."""
    found = [{"path": f"/{purpose}", "purpose": purpose, "vital": vital, "writes": vital} for purpose, vital in wanted]
    known = {"device": 1, "mount_point": "/x", "free_mib": 0, "total_mib": 9, "inodes": 9, "reserved_mib": 0}
    return {**known, "mount_points": ["/x"], "places": found, "vital": any(v for _p, v in wanted),
            "purposes": [purpose for purpose, _vital in wanted], **ROOM, **facts}  # fmt: skip


def with_host(name: str, **host: Any) -> dict[str, Any]:
    """Recorded evidence with other facts of the host."""
    changed = copy.deepcopy(evidence(name))
    if name == "dependencies/missing":
        # Two causes: PostgreSQL is down as well.
        changed["database"] = evidence("database/stopped")["database"]
    empty: dict[str, Any] = {"full": [], "without_inodes": [], "read_only": [], "names": [], "at_file_limit": []}
    changed["host"] = {**changed.get("host", {}), **empty, **host}
    return changed


@pytest.mark.parametrize(
    ("name", "may_go"),
    [
        ("access.log.1", True),
        ("access.log.2.gz", True),
        ("access.log-20240131.gz", True),
        ("syslog.1", True),
        ("mail-20240131.log.gz", True),
        ("access.log", False),
        ("syslog", False),
        ("other.1", False),
        ("backup-20240131.gz", False),
        ("shop.sql.1", False),
        ("shop.sql-20240131.gz", False),
        ("wtmp.1", False),
        ("audit.log.1", False),
        ("site.tar.gz", False),
        ("data.gz", False),
    ],
)
def test_what_is_a_rotated_log(name: str, may_go: bool) -> None:
    """Rotated logs by their names, and nothing that could be a backup or is still written."""
    assert removable_files.is_rotated(name, {"syslog", "access.log", "backup", "shop.sql", "wtmp"}) is may_go


def test_what_may_go(tmp_path: Path) -> None:
    """Only what was rotated from the app's log: nothing open, nothing on another device; the oldest first."""
    for age, name in enumerate(["app.log", "app.log.1", "app.log.2.gz", "app.log.3", "notes.1", "notes", "app.py"]):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    (tmp_path / "app.log.4").symlink_to(tmp_path / "notes")
    device = tmp_path.stat().st_dev
    with (tmp_path / "app.log.3").open():
        found = removable_files.find({device}, [str(tmp_path / "app.log")])
    own = [item["path"] for item in found if item["path"].startswith(str(tmp_path))]
    assert own == [str(tmp_path / "app.log.2.gz"), str(tmp_path / "app.log.1")]
    assert removable_files.find({device + 12345}, [str(tmp_path / "app.log")]) == []


def test_file_system_of_a_path(tmp_path: Path) -> None:
    """A path that is not there yet is on the file system of the nearest folder that is."""
    facts = filesystems.facts(str(tmp_path / "not" / "there"), filesystems.mount_points())
    assert facts is not None
    assert facts["device"] == tmp_path.stat().st_dev
    assert str(tmp_path).startswith(facts["mount_point"])
    assert not facts["full"]


def test_temporary_files_have_several_homes() -> None:
    """One full folder for temporary files is spared while another one has room; all of them full is vital."""
    one, two = system(("temporary files", False), full=True), system(("temporary files", False), device=2)
    storage._spare_temporary([one, two])
    assert not one["vital"]
    two["full"] = True
    storage._spare_temporary([one, two])
    assert one["vital"]
    assert two["vital"]


def test_places_of_the_database() -> None:
    """PostgreSQL here, SQLite, or a database elsewhere, whose place is nothing to this host."""
    here = {"local": True, "used": True, "folders": ["/srv/pg"], "engine": "postgresql"}
    assert locations.database_paths(here) == ["/srv/pg"]
    assert locations.database_paths({**here, "local": False}) == []
    assert locations.database_paths({"engine": "sqlite3", "name": "/srv/shop/db.sqlite3"}) == ["/srv/shop"]


def test_read_only_counts_where_something_is_written() -> None:
    """A root file system that is read-only by choice is nobody's failure."""
    by_choice = system(("the code", False), ("static files", False), read_only=True)
    assert storage._read_only([by_choice]) == []
    (found,) = storage._read_only([system(("the code", False), ("the database", True), read_only=True)])
    assert found["purposes"] == ["the database"]


def test_whom_the_kernel_killed() -> None:
    """The kernel's two lines name the control group and the process; a kill before this invocation is not reported."""
    verdict = "oom-kill:constraint=CONSTRAINT_NONE,global_oom,task_memcg=/system.slice/{},task=gunicorn,pid={},uid=33"
    kill = "Out of memory: Killed process {} (gunicorn) total-vm:9kB, anon-rss:2097152kB, file-rss:0kB, UID:33"
    lines = [(50.0, kill.format(1))]
    for pid, unit in ((2, "shop.service"), (3, "blog.service")):
        lines += [(90.0, verdict.format(unit, pid)), (90.0, kill.format(pid))]
    lines.append((95.0, "Memory cgroup out of memory: Killed process 4 (python3) total-vm:9kB, anon-rss:1024kB"))
    found = oom_kills.kills(lines, "shop.service", 4, 80.0, 100.0)
    assert [(item["pid"], item["ours"], item["mib"], item["ago"]) for item in found] == [
        (2, True, 2048, 10.0),
        (3, False, 2048, 10.0),
        (4, True, 1, 5.0),
    ]


@pytest.mark.parametrize(
    ("host", "name"),
    [("db.example.org", True), ("db", True), ("", False), ("/run/postgresql", False), ("localhost", False),
     ("10.0.0.1", False), ("::1", False), ("fe80::1%eth0", False)],
)  # fmt: skip
def test_what_has_to_be_looked_up(host: str, name: bool) -> None:
    """Names, and not addresses, socket folders or this machine."""
    assert name_resolution.is_name(host) is name


def test_a_resolver_that_keeps_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit holds, and a name is asked for once."""
    release = threading.Event()

    def silent(*_words: Any, **_more: Any) -> list[Any]:
        release.wait(5)
        return []

    monkeypatch.setattr(name_resolution.socket, "getaddrinfo", silent)
    found = name_resolution.look_up("silent.example", 0.05)
    assert (found["ok"], found["timed_out"]) == (False, True)
    assert name_resolution.look_up("silent.example") is found
    release.set()


def test_signs_have_an_age() -> None:
    """The newest line counts; what the whole system ran out of is another thing than the app's own limit."""
    lines = [(10.0, "OSError: [Errno 24] Too many open files"), (40.0, "Worker (pid:1) was sent SIGKILL! Perhaps")]
    lines += [(50.0, "Too many open files in system"), (60.0, "Too many open files: 'x'")]
    assert log.signs(lines, 100.0) == {"open_files": 40.0, "killed": 60.0}


@pytest.mark.parametrize(
    ("probe", "ahead"),
    [
        ({"started": "2026-01-01T12:00:00+00:00", "seconds": 2.0, "received": "2026-01-01T10:00:02.100Z"}, 7200),
        ({"started": "2026-01-01T12:00:00+00:00", "seconds": 2.0}, None),
        ({"started": "yesterday", "seconds": 2.0, "received": "2026-01-01T10:00:02Z"}, None),
        ({"started": "2026-01-01T12:00:00", "seconds": 2.0, "received": "2026-01-01T10:00:02Z"}, None),
    ],
)
def test_clocks_are_compared(probe: dict[str, Any], ahead: int | None) -> None:
    """By the evidence alone; where either time is missing or none, nothing is said."""
    assert prepare({"probe": probe})["probe"].get("clock_ahead") == ahead


def test_a_full_disk_explains_the_database() -> None:
    """Room is made first, then what went down is started, and only with approval."""
    full = system(("the database", True), full=True, largest={"files": [], "folders": []}, deleted=[],
                  dispensable_mib=5)  # fmt: skip
    found = diagnose(with_host("dependencies/missing", full=[full]), CATALOGUE)
    assert causes(found) == ["host/disk-full", "dependencies/missing"]
    assert "(some evidence" not in found.root_causes[0].because + found.root_causes[0].by_hand
    remedies = [action.remedy for action in plan.make(found, ["host/disk-full"]).actions]
    assert remedies == ["free_disk_space", "start_database", "pip_install", "restart"]
    assert "start_database" not in [action.remedy for action in plan.make(found).actions]


def test_what_is_full_but_does_not_matter() -> None:
    """A full /tmp with another place to go to, or full uploads next to a database that was stopped, explain nothing."""
    for purpose in ("temporary files", "uploads"):
        found = diagnose(with_host("dependencies/missing", full=[system((purpose, False), full=True)]), CATALOGUE)
        assert "host/disk-full" not in [finding.id for finding in found.findings]
    uploads = with_host("healthy", full=[system(("uploads", False), full=True)])
    assert causes(diagnose(uploads, CATALOGUE)) == ["host/disk-full"]


def killed(log_lines: int = 0, timeouts: int = 0, **oom_facts: Any) -> dict[str, Any]:
    """A host whose unit ended by SIGKILL, with what the kernel, systemd and gunicorn say of it."""
    oom_facts = {"kernel_log": True, "kills": [], "unit_killed": None, **oom_facts}
    host = with_host("healthy", oom=oom_facts, memory={"total": 2048, "available": 99, "largest": []})
    host["edge"]["well"] = False
    host["service"]["unit"].update(active_state="failed", sub_state="failed", result="signal", exit_status=9)
    host["service"]["listening"] = False
    host["log"] = {"lines": [], "errors": [], "killed": log_lines, "timeouts": timeouts, "signs": {}}
    return host


OURS = {"pid": 7, "name": "gunicorn", "mib": 1900, "ago": 5000.0, "ours": True}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (killed(kills=[OURS]), "host/memory-exhausted"),
        (killed(unit_killed=12.0), "host/memory-exhausted"),
        (killed(log_lines=1, kernel_log=False), "host/memory-exhausted"),
        # The kernel's log is there and knows of no such kill: somebody else sent the signal.
        (killed(log_lines=1), "service/failed"),
        # gunicorn kills a worker that takes too long itself.
        (killed(log_lines=1, timeouts=1, kernel_log=False), "service/failed"),
        (killed(kills=[{**OURS, "ours": False}]), "service/failed"),
    ],
)
def test_killed_for_memory(found: dict[str, Any], expected: str) -> None:
    """The kernel's word counts, then systemd's, then gunicorn's where the kernel cannot be heard."""
    assert causes(diagnose(found, CATALOGUE)) == [expected]


def test_an_old_kill_is_not_todays_cause() -> None:
    """A worker that was killed an hour ago and replaced does not explain why the app does not answer now."""
    for ago, named in ((3600.0, False), (20.0, True)):
        found = killed(kills=[{**OURS, "ago": ago}])
        found["service"]["unit"].update(active_state="active", sub_state="running", result="success", exit_status=0)
        assert ("host/memory-exhausted" in causes(diagnose(found, CATALOGUE))) is named


@pytest.mark.parametrize(("ahead", "named"), [(299, []), (301, ["host/clock-skew"]), (-90000, ["host/clock-skew"])])
def test_a_clock_that_is_off(ahead: int, named: list[str]) -> None:
    """Five minutes are allowed; which way it is off is said."""
    found = with_host("healthy")
    seconds = found["probe"]["seconds"]
    received = datetime.datetime.fromisoformat(found["probe"]["started"]) + datetime.timedelta(seconds=seconds - ahead)
    found["probe"]["received"] = received.isoformat()
    reported = diagnose(found, CATALOGUE)
    assert [finding.id for finding in reported.also_found] == named
    assert reported.root_causes == ()
    assert all(("ahead of" if ahead > 0 else "behind") in finding.because for finding in reported.also_found)
