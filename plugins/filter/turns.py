# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Jinja filter for the plays of a run: what the first play has decided of those that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
---
name: turns
short_description: What the first play of a run has decided of those that follow
version_added: 0.4.0
description:
  - Finds what M(rescue502.django.fleet) has decided with O(rescue502.django.fleet#module:state=ordered), and returns
    one part of it in the form that a play's C(hosts) or C(serial) takes.
  - Made for the playbooks of this collection.
author:
  - rescue502 maintainers (@rescue502)
options:
  _input:
    description: The C(hostvars) of the run.
    type: raw
    required: true
  hosts:
    description: The hosts of the play before. One that could not be reached has nothing registered.
    type: list
    elements: str
    required: true
  part:
    description: The hosts that are repaired, how many of them in each step, or the hosts that are reported.
    type: str
    choices: [play, steps, report]
    required: true
"""

EXAMPLES = r"""
- name: Sites answer again
  hosts: "{{ hostvars | rescue502.django.turns(ansible_play_hosts_all, 'play') }}"
  serial: "{{ hostvars | rescue502.django.turns(ansible_play_hosts_all, 'steps') }}"
"""

RETURN = r"""
_value:
  description: Hosts or numbers. Where there is none, a pattern that matches no host, or one step for all.
  type: raw
"""

EMPTY: dict[str, Any] = {"play": "all:!all", "report": "all:!all", "steps": ["100%"]}


def turns(hostvars: Mapping[str, Any], hosts: Iterable[str], part: str) -> Any:
    """One part of what was decided, from the first host that knows it; EMPTY's where there is none.

    It stops at the first, where Jinja's own filters put the variables of all hosts together.
    """
    # Where hosts are only listed (--list-hosts), there are hosts, and no variables of theirs.
    there = (hostvars[host] for host in hosts if host in hostvars)
    decided = (known for variables in there if (known := variables.get("rescue502_turns")))
    first: Mapping[str, Any] = next(decided, {})
    return first.get(part) or EMPTY[part]


class FilterModule:
    """Ansible's way to find it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file by name."""
        return {"turns": turns}
