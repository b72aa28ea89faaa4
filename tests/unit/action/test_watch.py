"""A site that is watched from the controller: what is wrong with it, over real HTTP, and when nobody is sent again."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.rescue502.django.plugins.action import watch
from ansible_collections.rescue502.django.plugins.filter.down import NONE, FilterModule
from ansible_collections.rescue502.django.plugins.plugin_utils.run import outside_edge, settings
from web_server import serving


class Task(watch.ActionModule):  # type: ignore[misc]
    """The task of one host, without Ansible around it."""

    def __init__(self, reports: Path, edge: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        self._task = SimpleNamespace(args={"again": 0}, check_mode=False)
        self._templar = None
        given = SimpleNamespace(reports=reports, probe={"edge": edge}, scope=SimpleNamespace(host="web1"))
        monkeypatch.setattr(settings, "read", lambda *_: given)
        monkeypatch.setattr(watch.ActionBase, "run", lambda *_: {})


def test_a_site_that_is_down_is_looked_at_and_then_left_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked twice; somebody is sent there once in five minutes, whatever the clock does."""
    monkeypatch.setattr(outside_edge, "objection", lambda _url: "")
    with serving() as server:
        task = Task(tmp_path, [{"url": server.url + "/x"}, {"url": server.url + "/status/502"}], monkeypatch)
        found = task.run()
        assert found["is_down"] is True
        assert found["report"] == [
            f"web1: {server.url}/status/502: status 502 instead of 200; it is looked at",
        ]
        assert len(server.requests) == 4
        again = task.run()
        assert (again["is_down"], "a short while ago" in again["report"][0]) == (False, True)
        for seconds in (-400.0, 3600.0):
            os.utime(tmp_path / watch.MEMORY / "web1", (0, time.time() + seconds))
            assert task.run()["is_down"] is True


def test_a_site_that_is_well_costs_one_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves nothing behind."""
    monkeypatch.setattr(outside_edge, "objection", lambda _url: "")
    with serving() as server:
        found = Task(tmp_path, [{"url": server.url + "/x"}], monkeypatch).run()
        assert (found["is_down"], found["report"], len(server.requests)) == (False, [], 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("edge", "why"), [([], "has no check"), ([{"url": "http://127.0.0.1/"}], "the host's own loopback address")]
)
def test_a_site_that_nobody_can_ask_is_no_site_that_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edge: list[dict[str, Any]], why: str
) -> None:
    """An outage would be seen by nobody."""
    with pytest.raises(AnsibleActionFail, match=f"cannot be watched from here: .*{why}"):
        Task(tmp_path, edge, monkeypatch).run()


def test_the_hosts_that_are_down_are_found() -> None:
    """Not those that were not watched; none is a pattern of none."""
    down = FilterModule().filters()["down"]
    watched = {"a": {"rescue502_watched": {"is_down": True}}, "b": {"rescue502_watched": {"is_down": False}}, "c": {}}
    assert down(watched, ["a", "b", "c", "gone"]) == ["a"]
    assert down(watched, ["b", "c"]) == down({}, ["a"]) == NONE
