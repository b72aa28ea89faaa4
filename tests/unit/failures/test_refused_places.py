"""What root would refuse to make or remove is a person's from the beginning: nothing is planned that only fails."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from changed_recordings import Evidence, found

WHY = "belongs to the system"


def bind(evidence: Evidence) -> None:
    """The first address's folder, or socket."""
    evidence["service"]["binds"][0]["objection"] = WHY


REFUSED = {
    "service/socket-dir-missing": bind,
    "service/stale-socket": bind,
    "service/pid-folder-missing": lambda evidence: evidence["service"]["pidfile"].update(objection=WHY),
    "service/worker-folder-missing": lambda evidence: evidence["service"]["worker_folder"].update(objection=WHY),
}


@pytest.mark.parametrize("mode", REFUSED)
def test_a_place_that_root_refuses_waits_for_a_person(mode: str) -> None:
    """It stays the cause, and neither it nor what went down with it is tried."""
    assert plan.make(found(mode)).actions, "as it was recorded, it is repaired"
    diagnosis = found(mode, REFUSED[mode])
    assert [(cause.id, cause.risk) for cause in diagnosis.root_causes] == [(mode, "never")]
    todo = plan.make(diagnosis)
    assert (todo.actions, todo.later) == ([], [])
    assert [item["id"] for item in todo.awaiting] == [mode]


def test_the_workers_folder_does_not_outlast_a_boot() -> None:
    """The report says so where it lies on a memory disk, and what makes it at each boot."""
    (cause,) = found("service/worker-folder-missing").root_causes
    assert "gone again after the next boot" in cause.because
    assert cause.vars["rescue502_folder_mode"] == "0700"

    def elsewhere(evidence: Evidence) -> None:
        evidence["service"]["worker_folder"]["path"] = "/dev/shm/agenda"

    (cause,) = found("service/worker-folder-missing", elsewhere).root_causes
    assert "tmpfiles.d" in cause.by_hand
    assert "RuntimeDirectory" not in cause.by_hand
