"""The filter by which the plays of a run learn what the first one has decided."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.filter.turns import FilterModule

turns = FilterModule().filters()["turns"]
DECIDED = {"play": ["web1"], "steps": [1], "report": ["web1", "web2"]}


class Hostvars(dict[str, dict[str, Any]]):
    """Variables by host; it counts which hosts' are asked for."""

    def __init__(self, **hosts: dict[str, Any]) -> None:
        super().__init__(hosts)
        self.asked: list[str] = []

    def __getitem__(self, host: str) -> dict[str, Any]:
        self.asked.append(host)
        return super().__getitem__(host)


def test_the_first_host_that_knows_it_is_asked_and_no_other() -> None:
    """A host that could not be reached knows nothing."""
    hostvars = Hostvars(gone={}, web1={"rescue502_turns": DECIDED}, web2={"rescue502_turns": DECIDED})
    assert turns(hostvars, ["gone", "web1", "web2"], "play") == ["web1"]
    assert hostvars.asked == ["gone", "web1"]
    assert turns(hostvars, ["web1"], "steps") == [1]
    assert turns(hostvars, ["web1"], "report") == ["web1", "web2"]


def test_where_nothing_is_to_do_no_host_is_matched() -> None:
    """An empty list would stand for a play without hosts, which Ansible refuses."""
    none = Hostvars(web1={"rescue502_turns": {"play": [], "steps": [], "report": []}}, web2={})
    for hosts in (["web1"], ["web2"], []):
        assert [turns(none, hosts, part) for part in ("play", "steps", "report")] == ["all:!all", ["100%"], "all:!all"]
