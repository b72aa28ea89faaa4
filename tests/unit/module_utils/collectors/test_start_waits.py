"""What a start waits for, in the words of `systemctl list-jobs --after`: systemd 252 says who is kept waiting."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import start_waits

JOBS = """JOB  UNIT              TYPE  STATE
412  app.service       start waiting
└─       waiting for job 413 (gate.service/start)               -       -
└─       waiting for job 420 (network-online.target/start)      -       -
413  gate.service      start waiting
└─       waiting for job 414 (vault.service/start)              -       -
414  vault.service     start running
420  network-online.target start waiting
└─       waiting for job 414 (vault.service/start)              -       -

4 jobs listed.
"""

BLOCKING = """JOB   UNIT                                       TYPE  STATE
16079 gate.service                               start running
└─    \tblocking job 16028 (xamila.service/start) -     -
16028 xamila.service                             start waiting

2 jobs listed.
"""


@pytest.mark.parametrize(
    ("jobs", "unit", "expected"),
    [
        (JOBS, "app.service", "vault.service"),
        (BLOCKING, "xamila.service", "gate.service"),
        (BLOCKING, "gate.service", ""),
        (JOBS, "gate.service", "vault.service"),
        (JOBS, "vault.service", ""),
        (JOBS, "other.service", ""),
        ("No jobs running.", "app.service", ""),
        ("", "app.service", ""),
    ],
)
def test_the_end_of_the_chain(jobs: str, unit: str, expected: str) -> None:
    """What waits for nothing itself is named."""
    assert start_waits.waited_for(jobs, unit) == expected


def test_a_unit_that_is_not_being_started() -> None:
    """Waits for nothing."""
    assert start_waits.collect({"ActiveState": "failed", "SubState": "failed", "Job": ""}) == {}
    assert start_waits.collect({"ActiveState": "activating", "SubState": "start-pre", "ControlPID": "0"}) == {}
