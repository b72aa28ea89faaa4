"""A name from outside: a host of the inventory as it is, and nothing that Ansible would take for more."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.rescue502.django.plugins.filter.inventory_host import FilterModule, inventory_host

GROUPS = {"all": ["web1", "web-2.example.com", "db", "a:b", "web*"], "web": ["web1"], "db": ["db"], "ungrouped": []}


@pytest.mark.parametrize("name", ["web1", "web-2.example.com"])
def test_a_host_passes_as_it_is(name: str) -> None:
    """By its name in the inventory."""
    assert FilterModule().filters()["inventory_host"](name, GROUPS) == name


@pytest.mark.parametrize(
    "name",
    [
        *("all", "web", "ungrouped", "*", "web*", "web?", "!web1", "web1:db", "web1,db", "web1 db", "&web", "@hosts"),
        *("~web.*", "web[0]", "web[0:1]", "a:b", "localhost", "web3", "WEB1", "web1\n", "\nweb1", "", " ", "-e", "::1"),
        *("{{ groups['all'] }}", "{% for x in y %}", "../hosts", "db", None, ["web1"], {"web1": 1}, 7, True),
    ],
)
def test_what_would_select_something_else_fails(name: Any) -> None:
    """Patterns, groups, a host with a group's name, hosts of another inventory, templates, and what is not text."""
    with pytest.raises(AnsibleFilterError, match=r"Nothing was changed\."):
        inventory_host(name, GROUPS)
