"""An approval is for one thing, one host and one time, and a doubtful one is an error."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.approvals import (
    Approval,
    ApprovalError,
    Scope,
    approved_here,
    parse,
    written,
)

KNOWN = ("code/syntax-error", "service/masked", "rollback_code")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def scope(host: str = "web1", run: tuple[str, ...] = ("web1",), for_run: bool = True, slices: int = 1) -> Scope:
    return Scope(host, ("web1", "web2"), run, NOON, for_run, slices)


@pytest.mark.parametrize(
    ("given", "approved"),
    [
        (None, []),
        ("code/syntax-error", ["code/syntax-error"]),
        ("code/syntax-error, service/masked", ["code/syntax-error", "service/masked"]),
        (["code/syntax-error@web1", "service/masked@web2"], ["code/syntax-error"]),
        ([{"id": "rollback_code", "host": "web1"}], ["rollback_code"]),
        ([{"id": "rollback_code", "host": "web1", "until": "2026-01-31T12:00:01Z"}], ["rollback_code"]),
        ([{"id": "rollback_code", "until": datetime(2026, 2, 1, tzinfo=UTC)}], ["rollback_code"]),
    ],
)
def test_what_is_approved_here(given: object, approved: list[str]) -> None:
    """By id, for this host, not yet expired; nothing else along with it."""
    assert approved_here(parse(given), KNOWN, scope()) == approved


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("code/no-such", "not a failure mode or remedy"),
        ("code/*", "not a failure mode or remedy"),
        ("code/syntax-error@web9", "no host of the inventory"),
        ([{"id": "service/masked", "until": "2026-01-31T12:00:00Z"}], "expired"),
        ([{"id": "service/masked", "until": "2025-01-31T12:00:00Z"}], "expired"),
        ([{"id": "service/masked", "until": "2026-01-31T13:00:00"}], "no time zone"),
        ([{"id": "service/masked", "until": "soon"}], "not a valid time, such as"),
        ([{"id": "service/masked", "hosts": "web1"}], "is not a valid approval"),
        ([{"host": "web1"}], "is not a valid approval"),
        ([["service/masked"]], "is not a valid approval"),
        (7, "is not a valid approval"),
        (True, "is not a valid approval"),
    ],
)
def test_a_doubtful_approval_is_an_error(given: object, words: str) -> None:
    """Unknown, expired or misspelt: reported, and nothing is approved."""
    with pytest.raises(ApprovalError, match=words):
        approved_here(parse(given), KNOWN, scope())


def test_an_approval_for_the_run_names_its_host_where_there_are_several() -> None:
    """One word on the command line must not approve a thing on a whole fleet."""
    both = ("web1", "web2")
    with pytest.raises(ApprovalError, match="service/masked@web1"):
        approved_here(parse("service/masked"), KNOWN, scope(run=both))
    assert approved_here(parse("service/masked@web2"), KNOWN, scope(run=both)) == []
    assert approved_here(parse("service/masked"), KNOWN, scope(run=both, for_run=False)) == ["service/masked"]
    assert approved_here(parse("service/masked"), KNOWN, scope(run=())) == ["service/masked"], "offline, of no play"
    in_inventory = Scope("web1", both, both, NOON)
    assert approved_here(parse("service/masked"), KNOWN, in_inventory) == ["service/masked"]


def test_an_approval_is_read_as_it_is_written() -> None:
    """With the host that it is for, or without."""
    assert written("service/masked") == "service/masked"
    assert parse(written("service/masked", "web1")) == [Approval("service/masked", "web1")]


def test_all_hosts_are_approved_where_that_is_said_on_purpose() -> None:
    """`@*` holds on each of the run's hosts, and the refusal of a bare name says so."""
    both = ("web1", "web2")
    for host in both:
        assert approved_here(parse("service/masked@*"), KNOWN, scope(host, run=both)) == ["service/masked"]
    words = r"on all 2 hosts of this run; write service/masked@web1 for this host, or service/masked@\* for all"
    with pytest.raises(ApprovalError, match=words):
        approved_here(parse("service/masked"), KNOWN, scope(run=both))


def test_in_a_slice_an_approval_names_its_host_however_many_the_slice_has() -> None:
    """The other slices get the same approvals, and have hosts that this one does not know."""
    with pytest.raises(ApprovalError, match="in all slices of this job"):
        approved_here(parse("service/masked"), KNOWN, scope(slices=2))
    assert approved_here(parse("service/masked@web9"), KNOWN, scope(slices=2)) == []
    assert approved_here(parse("service/masked@web1"), KNOWN, scope(slices=2)) == ["service/masked"]
    with pytest.raises(ApprovalError, match="no host of the inventory"):
        approved_here(parse("service/masked@web9"), KNOWN, scope())


def test_a_run_is_one_of_several_only_where_that_is_said() -> None:
    """A run by hand has no slices, and neither has a job of AWX's that says 0."""
    alone = Scope("web1", ("web1", "web2"), ("web1",), NOON, for_run=True)
    assert not alone.is_of_many
    assert approved_here(parse("service/masked"), KNOWN, alone) == ["service/masked"]
    with pytest.raises(ApprovalError, match="no host of the inventory"):
        approved_here(parse("service/masked@web9"), KNOWN, scope(slices=0))
    assert not scope(slices=0).is_of_many
