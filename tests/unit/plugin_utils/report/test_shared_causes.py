"""Causes that hosts share, and the table that closes a run on many."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import fleet_table, shared_causes


def record(host: str, outcome: str, **causes: str) -> Any:
    """A concluded incident. causes: for each, by its id with __ for the slash, why it is one."""
    found = [{"id": name.replace("__", "/"), "because": because} for name, because in causes.items()]
    return {**incident_record.new(host, "recover"), "outcome": outcome, "seconds": 1.25, "root_causes": found}


@pytest.mark.parametrize(
    ("because", "label"),
    [
        ("203.0.113.7:5432: no route to host", "a/b, 203.0.113.7:5432"),
        ("db.example.org:5432: connection refused", "a/b, db.example.org:5432"),
        ("[2001:db8::7]:5432: no route", "a/b, [2001:db8::7]:5432"),
        # Of each host its own, so that two that name it do not mean the same.
        ("127.0.0.1:8000 does not answer", "a/b"),
        ("localhost:5432: refused", "a/b"),
        ("nobody listens on 0.0.0.0:80", "a/b"),
        # What only looks like an address.
        ("SyntaxError at shop/views.py:112", "a/b"),
        ("nginx.conf:12 is invalid", "a/b"),
        ("since 2026-01-31 12:30:15", "a/b"),
        ("the unit is stopped", "a/b"),
    ],
)
def test_what_a_cause_depends_on_elsewhere(because: str, label: str) -> None:
    """An address and its port, as the failure mode's sentence names it."""
    assert shared_causes.labels(record("web1", "failed", a__b=because)) == {"a/b": label}


def test_hosts_that_depend_on_different_things_do_not_share_a_cause() -> None:
    """Two databases are two outages."""
    hosts = [record(f"web{n}", "failed", a__b=f"203.0.113.{n % 2}:5432: no") for n in range(4)]
    found = {label: [item["host"] for item in of] for label, of in shared_causes.by_label(hosts).items()}
    assert found == {"a/b, 203.0.113.0:5432": ["web0", "web2"], "a/b, 203.0.113.1:5432": ["web1", "web3"]}


def test_the_table_names_what_is_shared_once() -> None:
    """The cause of most hosts first; a host with two causes stands there once; who is well costs no row."""
    hosts = [
        record("web1", "healthy"),
        record("web2", "recovered", service__stopped="the unit is stopped"),
        record("web3", "needs-human", d__u="203.0.113.7:5432: no", service__stopped="the unit is stopped"),
        record("web4", "needs-human", d__u="203.0.113.7:5432: no"),
        record("web5", "needs-human", d__u="203.0.113.7:5432: no"),
        record("web6", "unreachable"),
    ]
    assert fleet_table.render(hosts) == [
        "host  outcome      seconds  cause",
        "web3  needs-human      1.2  d/u, 203.0.113.7:5432; service/stopped",
        "web4  needs-human      1.2  d/u, 203.0.113.7:5432",
        "web5  needs-human      1.2  d/u, 203.0.113.7:5432",
        "web2  recovered        1.2  service/stopped",
        "web6  unreachable      1.2  -",
        "3 of 6 hosts: d/u, 203.0.113.7:5432",
        "2 of 6 hosts: service/stopped",
        "1 of 6 hosts: healthy",
    ]


def test_where_all_are_well_one_line_says_so() -> None:
    """A run of a slice says that it is one."""
    hosts = [record("web1", "healthy"), record("web2", "healthy")]
    assert fleet_table.render(hosts, "Slice 1 of 2.") == ["Slice 1 of 2.", "2 of 2 hosts: healthy"]
