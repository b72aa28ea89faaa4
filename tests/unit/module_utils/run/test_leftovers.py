"""What killed runs leave behind is removed, and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers
from ansible_collections.rescue502.django.plugins.module_utils.system import processes

OURS = "ansible_rescue502.django.probe_payload_a1b2c3d4"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The run's own folder and a usual one, and no process that may have made anything there."""
    own, usual = tmp_path / "own", tmp_path / "usual"
    own.mkdir()
    usual.mkdir()
    monkeypatch.setattr(leftovers, "TEMPORARY", str(own))
    monkeypatch.setattr(leftovers, "USUAL", (str(usual), str(tmp_path / "not-there")))
    monkeypatch.setattr(processes, "pids", lambda: [])
    return own, usual


def test_what_dead_processes_left_is_removed(places: tuple[Path, Path]) -> None:
    """All in the run's own folder; elsewhere folders of our modules alone, and never what a link leads to."""
    own, usual = places
    for path in (own / "ansible_command_payload_x", usual / OURS, usual / "ansible_command_payload_x", usual / "mine"):
        path.mkdir()
        (path / "a.zip").write_text("x")
    (usual / f"{OURS}x").symlink_to(usual / "mine")
    leftovers.clear()
    assert list(own.iterdir()) == []
    assert {path.name for path in usual.iterdir()} == {"ansible_command_payload_x", "mine", f"{OURS}x"}
    assert (usual / "mine" / "a.zip").exists()


def test_what_a_living_process_may_have_made_stays(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """This very test is a Python that lives; here it is another's, and was started shortly before."""
    own, _usual = places
    monkeypatch.setattr(leftovers, "lineage", set)
    (own / "ansible_command_payload_x").mkdir()
    monkeypatch.setattr(processes, "pids", lambda: [os.getpid()])
    made = (own / "ansible_command_payload_x").stat().st_ctime
    for started, kept in ((made - 3, True), (made + 5, False)):
        monkeypatch.setattr(processes, "started", lambda _pid, started=started: started)
        leftovers.clear()
        assert (own / "ansible_command_payload_x").exists() is kept


def test_where_there_is_no_folder_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that no run had to itself yet."""
    monkeypatch.setattr(leftovers, "TEMPORARY", str(tmp_path / "run" / "tmp"))
    monkeypatch.setattr(leftovers, "USUAL", ())
    leftovers.clear()
    with pytest.raises(FileNotFoundError):
        leftovers.make_place()


def test_this_run_keeps_its_own_folder(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is imported from there; that it lives itself keeps no other one."""
    _own, usual = places
    kept, left = usual / OURS, usual / OURS.replace("a1b2", "e5f6")
    for path in (kept, left):
        path.mkdir()
    monkeypatch.setattr(processes, "pids", lambda: [os.getpid()])
    monkeypatch.setattr(processes, "started", lambda _pid: kept.stat().st_ctime - 1)
    monkeypatch.setattr(sys, "path", [str(kept / "module.zip")])
    leftovers.clear()
    assert list(usual.iterdir()) == [kept]
