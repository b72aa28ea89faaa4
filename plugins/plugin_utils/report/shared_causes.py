# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Causes that several hosts of a run share, such as one database that all of them use. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record

# What a host depends on elsewhere, as a failure mode's `because` names it: a name or an address, and its port.
_ADDRESS = re.compile(
    r"(?<![\w.:/@-])(?P<host>[A-Za-z0-9](?:[\w.-]*\w)?|\[[0-9a-fA-F:]+\]):(?P<port>\d{2,5})(?![\w:.-]*\d)"
)
# Of each host its own, so that two hosts that name it do not mean the same.
_OWN_NAMES = ("localhost", "ip6-localhost", "line")


def labels(record: Record) -> dict[str, str]:
    """A host's root causes by id, each with the dependency elsewhere that it names: `id, address:port`."""
    return {cause["id"]: _label(cause["id"], cause["because"]) for cause in record["root_causes"]}


def by_label(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by the causes that they show. A host with two causes is in both; the cause of most hosts comes first."""
    shown: dict[str, list[Record]] = {}
    for record in records:
        for label in labels(record).values():
            shown.setdefault(label, []).append(record)
    return dict(sorted(shown.items(), key=lambda item: (-len(item[1]), item[0])))


def names_dependency(label: str) -> bool:
    """Whether a label names what is elsewhere, so that its hosts depend on one and the same."""
    return ", " in label


def _label(name: str, because: str) -> str:
    found = [f"{match['host']}:{match['port']}" for match in _ADDRESS.finditer(because) if not _is_own(match["host"])]
    return ", ".join([name, *found[:1]])


def _is_own(host: str) -> bool:
    if host.lower() in _OWN_NAMES or host.isdigit():
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        # A file and a line (views.py:12) look like a name and a port.
        return "." not in host or bool(re.search(r"\.(py|html|txt|conf|sock|service|log)$", host))
    return address.is_loopback or address.is_unspecified
