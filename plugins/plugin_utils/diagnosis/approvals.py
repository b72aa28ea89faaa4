# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Approvals: what may be done though it could cost something, on which host, and until when. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# In the place of a host: each of the run's, said on purpose.
ALL_HOSTS = "*"
FORMS = (
    "write code/syntax-error@host, or {id: code/syntax-error, host: host, until: time}; @* is for all hosts of the run"
)


class ApprovalError(Exception):
    """An approval cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Approval:
    """One failure mode, or one remedy, by its name. An empty host is the one host that it was given for."""

    name: str
    host: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Scope:
    """The scope that an approval is judged by: this host, all of the inventory's and of the run's, and the time now."""

    host: str
    inventory: Collection[str]
    run: Collection[str]
    now: datetime
    # Given for the whole run (-e), rather than for this host in the inventory.
    for_run: bool = False
    # How many slices a job has of which this run is one; the other slices' hosts are not in its inventory.
    slices: int = 1

    @property
    def is_of_many(self) -> bool:
        """Whether there are other hosts than this one for which an approval could be meant."""
        return len(self.run) > 1 or self.slices > 1


def parse(given: Any) -> list[Approval]:
    """Approvals as a user writes them: one or a list, as text or as mappings. Raises ApprovalError."""
    items = given if isinstance(given, list) else [given] if given else []
    return [_parse_one(item) for entry in items for item in (_words(entry) if isinstance(entry, str) else [entry])]


def approved_here(approvals: list[Approval], known: Collection[str], scope: Scope) -> list[str]:
    """The names that are approved on this host, in this run. known: all that can be approved.

    Raises ApprovalError for one that is unknown, expired, for no host of the inventory, or for several hosts together.
    """
    for approval in approvals:
        _require_valid(approval, known, scope)
    return [approval.name for approval in approvals if approval.host in ("", ALL_HOSTS, scope.host)]


def written(name: str, host: str = "") -> str:
    """An approval as a user writes it; a host is named where the run has several."""
    return f"{name}@{host}" if host else name


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _parse_one(item: Any) -> Approval:
    if isinstance(item, str):
        name, _at, host = item.partition("@")
        return Approval(name, host)
    if not isinstance(item, dict) or not item.get("id") or set(item) - {"id", "host", "until"}:
        raise ApprovalError(f"rescue502_approve: {item!r} is not a valid approval: {FORMS}")
    return Approval(str(item["id"]), str(item.get("host") or ""), _time(item.get("until")))


def _time(given: Any) -> datetime | None:
    if given is None:
        return None
    try:
        until = given if isinstance(given, datetime) else datetime.fromisoformat(str(given).replace("Z", "+00:00"))
    except ValueError as error:
        raise ApprovalError(
            f"rescue502_approve: until '{given}' is not a valid time, such as 2026-01-31T12:00:00Z"
        ) from error
    if until.tzinfo is None:
        raise ApprovalError(f"rescue502_approve: until '{given}' names no time zone; end it with Z for UTC")
    return until


def _require_valid(approval: Approval, known: Collection[str], scope: Scope) -> None:
    if approval.name not in known:
        raise ApprovalError(
            f"rescue502_approve: '{approval.name}' is not a failure mode or remedy that can be approved; "
            f"known are: {', '.join(sorted(known))}"
        )
    if approval.until and approval.until <= scope.now:
        raise ApprovalError(f"rescue502_approve: the approval of {approval.name} expired at {approval.until}")
    known_host = approval.host in ("", ALL_HOSTS) or approval.host in scope.inventory or scope.slices > 1
    if not known_host:
        raise ApprovalError(f"rescue502_approve: {approval.name}@{approval.host} is for no host of the inventory")
    if scope.for_run and not approval.host and scope.is_of_many:
        where = "in all slices of this job" if scope.slices > 1 else f"on all {len(scope.run)} hosts of this run"
        raise ApprovalError(
            f"rescue502_approve: '{approval.name}' would hold {where}; write {approval.name}@{scope.host} for this "
            f"host, or {approval.name}@{ALL_HOSTS} for all of them"
        )
