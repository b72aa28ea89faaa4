#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start units that are down, unless systemd would end another one for that."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: start
short_description: Start units that are down, and end none for that
version_added: 0.4.0
description:
  - Starts those of the units that are down, one after the other, and leaves the others as they are.
  - Starts none of them while a unit runs that systemd would end for that (C(Conflicts=)), such as a cold backup.
  - Fails with systemd's words where systemd cannot start one. No property of it is shown; those may hold secrets.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says that it would start the units, or why not. Whether systemd could is not known then.
    support: full
options:
  units:
    description: The systemd units.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: PostgreSQL is running
  rescue502.django.start:
    units: [postgresql.service, postgresql@15-main.service]
  become: true
"""

RETURN = r"""
started:
  description: The units that were down.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd, unit_conflicts

# systemd's own limit for a start is 90 s (systemd-system.conf(5)); PostgreSQL may set none to recover.
MOST_SECONDS = 300.0


class StartError(Exception):
    """A unit was not started; the text says why."""


def down(units: list[str]) -> list[str]:
    """Those of the units that do not run."""
    shown = systemd.show_many(units, ["Id", "ActiveState"])
    return [name for name, unit in zip(units, shown) if unit.get("ActiveState") not in unit_conflicts.UP]


def require_no_conflict(units: list[str]) -> None:
    """Raise StartError where a start of the units would end another one."""
    if why := unit_conflicts.objection(units):
        raise StartError(f"{', '.join(units)}: {why}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"units": {"type": "list", "elements": "str", "required": True}}, supports_check_mode=True
    )
    started: list[str] = []
    try:
        units = down(module.params["units"])
        require_no_conflict(units)
        for unit in () if module.check_mode else units:
            problem = systemd.change("start", "--", unit, timeout=state_directory.seconds_left(MOST_SECONDS))
            if problem:
                raise StartError(f"{unit}: {problem}")
            started.append(unit)
    except (StartError, systemd.SystemdError) as error:
        module.fail_json(msg=str(error), changed=bool(started))
    module.exit_json(changed=bool(units), started=units)


if __name__ == "__main__":
    main()
