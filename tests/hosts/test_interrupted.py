"""A recovery that is killed in the middle of a remedy: the next one finishes the job, and no lock stays.

A dozen of `make chaos`, which sets RESCUE502_CHAOS and strikes every remedy in every way.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from tiers import marks

from lab.interruptions import SURVIVED, Interruption, every, strike
from lab.site import Site

SAMPLE = (
    "rebuild_venv-controller",
    "rebuild_venv-python",
    "rebuild_venv-power",
    "pip_install-connection",
    "pip_install-power",
    "migrate-controller",
    "migrate-python",
    "permissions-everything",
    "rollback_code-power",
    "restart-connection",
    "start_database-power",
    "clean_pyc-controller",
)
# A loss of power in the middle of the longest of them.
EACH_CHANGE = ("rebuild_venv-power",)
STRUCK = [interruption for interruption in every() if interruption.id in SAMPLE or "RESCUE502_CHAOS" in os.environ]


@pytest.mark.parametrize(
    ("site", "struck"),
    [pytest.param(item.shape, item, id=item.id, marks=marks(item.id in EACH_CHANGE)) for item in STRUCK],
    indirect=["site"],
)
def test_the_next_run_finishes_the_job(
    site: Site, struck: Interruption, record_property: Callable[[str, object], None]
) -> None:
    """The edge answers, the lock is free, and nothing but the remedy's own business was changed."""
    verdict = strike(site, struck)
    record_property("verdict", verdict.word)
    assert verdict.word == SURVIVED, verdict.why


def test_the_sample_is_of_what_there_is() -> None:
    """A remedy that was renamed must not drop out of the sample unseen."""
    assert {interruption.id for interruption in STRUCK} >= set(SAMPLE)
