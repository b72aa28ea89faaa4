# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Jinja filter for the plays after a watch: the hosts whose sites are down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
---
name: down
short_description: The hosts that a watch has found to be down
version_added: 0.4.0
description:
  - Finds the hosts for which M(rescue502.django.watch) was registered as C(rescue502_watched) and says so.
options:
  _input:
    description: The C(hostvars) of the run.
    type: raw
    required: true
  hosts:
    description: The hosts that were watched.
    type: list
    elements: str
    required: true
author:
  - rescue502 maintainers (@rescue502)
"""

EXAMPLES = r"""
- name: Sites answer again
  hosts: "{{ hostvars | rescue502.django.down(groups['all']) }}"
"""

RETURN = r"""
_value:
  description: Hosts; where there is none, a pattern that matches no host.
  type: raw
"""

NONE = "all:!all"


def down(hostvars: Mapping[str, Any], hosts: Iterable[str]) -> list[str] | str:
    """Return the hosts that are down, or NONE."""
    there = [host for host in hosts if host in hostvars]
    return [host for host in there if (hostvars[host].get("rescue502_watched") or {}).get("is_down") is True] or NONE


class FilterModule:
    """Ansible's way to find it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file by name."""
        return {"down": down}
