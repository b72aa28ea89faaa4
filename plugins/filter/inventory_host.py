# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Jinja filter for names that come from outside, such as an alert's label: a host of the inventory, or an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
---
name: inventory_host
short_description: The name of one host of the inventory, as it is
version_added: 0.4.0
description:
  - Returns a name as it is where it is that of exactly one host of the inventory, and fails otherwise.
  - Where Ansible takes a host it takes a pattern, so that a name from outside, such as C(all), C(web*), C(!web1),
    C(@file), C(web1:web2) or that of a group, would select others.
author:
  - rescue502 maintainers (@rescue502)
options:
  _input:
    description: The name.
    type: str
    required: true
  groups:
    description: Ansible's C(groups), of which C(all) has the hosts.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: The site of the alert answers again
  hosts: "{{ rescue502_alert_host | rescue502.django.inventory_host(groups) }}"
"""

RETURN = r"""
_value:
  description: The host's name.
  type: str
"""

# What a host's name has; of what a pattern is made of, nothing.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
SHOWN = 80


def inventory_host(name: Any, groups: Mapping[str, Any]) -> str:
    """Return the name where it is a host's. AnsibleFilterError for any other text, and for what is not text."""
    if not isinstance(name, str) or not _PLAIN.fullmatch(name):
        raise AnsibleFilterError(f"{str(name)[:SHOWN]!r} is not a plain name of a host. Nothing was changed.")
    if name not in groups.get("all", ()):
        raise AnsibleFilterError(f"{name[:SHOWN]!r} is not a host of the inventory. Nothing was changed.")
    if name in groups:
        raise AnsibleFilterError(f"{name!r} is a group too, and would select all of its hosts. Nothing was changed.")
    return str(name)


class FilterModule:
    """Ansible's way to find it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file by name."""
        return {"inventory_host": inventory_host}
