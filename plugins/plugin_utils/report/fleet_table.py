# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table that closes a run on several hosts: host, outcome, seconds and cause, by shared cause. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import shared_causes

HEAD = ("host", "outcome", "seconds", "cause")
NO_CAUSE = "-"


def render(records: Sequence[Record], slice_words: str = "") -> list[str]:
    """Lines of text. records: those of a run's hosts, concluded. slice_words: which part of a sliced run this is.

    A host with several causes stands with the one that most hosts share. Hosts that are healthy share one line.
    """
    ill = [record for record in records if record["outcome"] != "healthy"]
    well = [record for record in records if record["outcome"] == "healthy"]
    shared = shared_causes.by_label(ill)
    chosen = {id(record): _chosen(record, list(shared)) for record in ill}
    order = {label: place for place, label in enumerate([*shared, NO_CAUSE])}
    ill.sort(key=lambda record: (order[chosen[id(record)]], record["host"]))
    rows = [HEAD, *((record["host"], record["outcome"], _seconds(record), _causes(record)) for record in ill)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [
        f"{host:<{widths[0]}}  {outcome:<{widths[1]}}  {seconds:>{widths[2]}}  {cause}"
        for host, outcome, seconds, cause in rows
    ]
    total = len(records)
    groups = [f"{len(of)} of {total} hosts: {label}" for label, of in shared.items() if len(of) > 1]
    healthy = [f"{len(well)} of {total} hosts: healthy"] if well else []
    return [*([slice_words] if slice_words else []), *(table if ill else []), *groups, *healthy]


def _chosen(record: Record, labels: list[str]) -> str:
    own = set(shared_causes.labels(record).values())
    return next((label for label in labels if label in own), NO_CAUSE)


def _causes(record: Record) -> str:
    return "; ".join(shared_causes.labels(record).values()) or NO_CAUSE


def _seconds(record: Record) -> str:
    return f"{record['seconds'] or 0:.1f}"
