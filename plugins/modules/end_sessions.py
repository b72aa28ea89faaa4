#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End database sessions that stand in the app's way: one that blocks others, or those that hold connections idly."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: end_sessions
short_description: End PostgreSQL sessions that block others, or that idle while no connection is left
version_added: 0.2.0
description:
  - With O(pid), ends that session if it is the one that began at O(started) and others wait for it at this moment.
  - Without, ends the sessions of one database that have done nothing for long. One that runs a statement is never
    ended.
  - Asks the server on this host as the account that it runs as, over its socket.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says which sessions would be ended.
    support: full
options:
  port:
    description: The server's port.
    type: int
    default: 5432
  name:
    description: The database whose sessions may be ended.
    type: str
    required: true
  pid:
    description: The server process of the session that blocks others.
    type: int
  started:
    description:
      - When that session began, in seconds since the epoch as C(pg_stat_activity) has it. A process number may be
        given to another one.
    type: str
  idle_seconds:
    description: How long a session outside a transaction must have done nothing.
    type: int
    default: 10
  transaction_seconds:
    description: How long a session inside a transaction must have done nothing.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: No session has held a connection idly for a minute
  rescue502.django.end_sessions:
    name: shop
    idle_seconds: 60
  become: true
"""

RETURN = r"""
ended:
  description: What was ended, each with its process number, role, application, state and the seconds spent in it.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

ARGUMENTS = {
    "port": {"type": "int", "default": 5432},
    "name": {"type": "str", "required": True},
    "pid": {"type": "int"},
    "started": {"type": "str"},
    "idle_seconds": {"type": "int", "default": 10},
    "transaction_seconds": {"type": "int", "default": 60},
}
_BLOCKS = """
pid = {pid} AND extract(epoch FROM backend_start)::text = {started} AND EXISTS (
  SELECT 1 FROM pg_stat_activity w WHERE w.wait_event_type = 'Lock' AND {pid} = ANY(pg_blocking_pids(w.pid)))
"""
_IDLE = """
datname = {name} AND (
  state = 'idle' AND state_change < clock_timestamp() - interval '{idle} seconds'
  OR state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '{transaction} seconds')
"""
# Ended in the list of results, which is made of the rows that the conditions have let through: among conditions
# PostgreSQL would choose the order itself.
_SQL = """
SELECT CASE WHEN {act} THEN
  format('pid %s: %s with %s, %s for %s s', pid, usename, coalesce(nullif(application_name, ''), 'no application name'),
    state, round(extract(epoch FROM clock_timestamp() - state_change))) END
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND {which}
"""


def chosen(given: dict[str, Any]) -> str:
    """The condition in SQL on the sessions that may be ended."""
    if given["pid"]:
        return _BLOCKS.format(pid=int(given["pid"]), started=postgresql.literal(given["started"] or ""))
    return _IDLE.format(
        name=postgresql.literal(given["name"]),
        idle=int(given["idle_seconds"]),
        transaction=int(given["transaction_seconds"]),
    )


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, required_together=[("pid", "started")], supports_check_mode=True)
    server = postgresql.find(sockets.listeners(), module.params["port"])
    if server is None:
        module.fail_json(msg="no PostgreSQL server listens on a socket of this host. Nothing was changed.")
        return
    act = "true" if module.check_mode else "pg_terminate_backend(pid)"
    try:
        output = postgresql.ask(server, _SQL.format(which=chosen(module.params), act=act))
    except postgresql.PostgresError as error:
        module.fail_json(msg=f"PostgreSQL could not be asked: {error}")
    ended = [line for line in output.splitlines() if line]
    if ended and not module.check_mode:
        undo_log.note_irreversible(
            f"sessions were ended, what they had not committed is lost: {'; '.join(ended)[:1000]}"
        )
    module.exit_json(changed=bool(ended), ended=ended)


if __name__ == "__main__":
    main()
