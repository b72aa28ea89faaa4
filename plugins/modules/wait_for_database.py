#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait until a PostgreSQL server takes connections, and no longer than that."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wait_for_database
short_description: Wait until PostgreSQL takes connections
version_added: 0.2.0
description:
  - Asks the server again and again, as C(pg_isready) does, until it takes connections. No password is sent.
  - Where the server's unit has failed meanwhile, waiting ends immediately.
  - Reports a change where the server took no connections at first and does at the end.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether it would wait.
    support: full
options:
  host:
    description: The server's name, address, or socket folder. The usual socket folders unless given.
    type: str
    default: ''
  port:
    description: The server's port.
    type: int
    default: 5432
  name:
    description: The database to ask for.
    type: str
    default: ''
  user:
    description: The role to ask as.
    type: str
    default: ''
  unit:
    description: The unit that runs the server; empty where it is on another host.
    type: str
    default: ''
  timeout:
    description: How many seconds to wait.
    type: float
    default: 120
"""

EXAMPLES = r"""
- name: PostgreSQL takes connections
  rescue502.django.wait_for_database:
    host: 127.0.0.1
    unit: postgresql
"""

RETURN = r"""
waited:
  description: Seconds that it waited.
  returned: success
  type: float
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql

POLL_SECONDS = 0.25
ARGUMENTS = {
    "host": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 5432},
    "name": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
    "unit": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 120},
}


def failed_unit(unit: str) -> str:
    """The server's unit that will not come up by itself; empty where one still runs or starts."""
    units = database.server_units(unit)
    if not units or any(item["active_state"] in ("active", "activating", "reloading") for item in units):
        return ""
    return units[0]["name"]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    begun = time.monotonic()
    where = f"{given['host'] or 'its socket'}:{given['port']}"
    waited_for = ""
    while True:
        problem = postgresql.readiness(given["host"], given["port"], given["user"], given["name"])
        waited = round(time.monotonic() - begun, 1)
        if not problem or module.check_mode:
            module.exit_json(changed=bool(problem or waited_for), waited=waited)
        waited_for = problem
        down = failed_unit(given["unit"])
        if down:
            module.fail_json(msg=f"{down} does not run, so nobody will answer at {where}")
        if waited > given["timeout"]:
            module.fail_json(msg=f"PostgreSQL at {where} took no connections within {given['timeout']:g} s: {problem}")
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
