"""Who has the lock of a host, in words: a host may answer anything."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.run import host_lock, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.host_lock import LockError

JOB = {"job": "17", "template": "rescue502 recover", "schedule": "every 5 minutes"}


class Answering:
    """A target that answers the same to every module, and keeps what it was asked."""

    def __init__(self, holder: Any) -> None:
        self.holder, self.asked = holder, {}

    def run(self, _module: str, arguments: dict[str, Any], _key: str) -> dict[str, Any]:
        self.asked = arguments
        return {"held": False, "holder": self.holder, "exhausted": []}


def locked_by(target: Answering, **variables: Any) -> str:
    given = settings.read({"inventory_hostname": "web1", **variables}, None)
    return host_lock.take(target, given, {}, []).locked_by  # type: ignore[arg-type]


def test_a_job_of_awx_is_named() -> None:
    """This one to the next run, and the other one to this run's reader."""
    target = Answering({"incident": "other", "since": 0, "controller": {"name": "pod-1", "awx": JOB}})
    assert locked_by(target, awx_job_id=18, awx_user_name="ada").startswith(
        "run other (AWX job 17 (rescue502 recover), started by the schedule every 5 minutes) from pod-1, since"
    )
    assert target.asked["controller"]["awx"] == {"job": "18", "user": "ada"}


@pytest.mark.parametrize(
    "controller", [None, "x", {"name": "pod-1"}, {"awx": "x"}, {"awx": ["job"]}, {"awx": {"user": "x"}}]
)
def test_any_other_run_is_not(controller: Any) -> None:
    assert "AWX" not in locked_by(Answering({"incident": "other", "controller": controller}))


def test_what_a_host_answers_is_clean() -> None:
    said = locked_by(Answering({"controller": {"awx": {"job": "\x1b[31m17", "template": "{{ 7 * 7 }}"}}}))
    assert "AWX job 17 ({{ 7 * 7 }})" in said


def test_an_answer_that_is_none() -> None:
    with pytest.raises(LockError, match="could not be taken"):
        locked_by(Answering("nobody"))
