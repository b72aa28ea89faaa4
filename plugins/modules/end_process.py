#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End a process that holds the app's address, or nginx's, if it still does and is a stranger."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: end_process
short_description: End a process that holds the app's address, or nginx's
version_added: 0.1.0
description:
  - Ends a process only if it listens on one of the given addresses at this moment and does not belong to the app's own
    unit. A pid that was given to another process meanwhile is left alone.
  - A process that belongs to another service is ended by stopping that service, which would start it again otherwise.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether it would be ended.
    support: full
options:
  pid:
    description: The process.
    type: int
    required: true
  unit:
    description: The app's unit, whose processes are never ended.
    type: str
    required: true
  bind:
    description: The addresses that it may hold, the app's or nginx's.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: The app's address is free
  rescue502.django.end_process:
    pid: 4711
    unit: shop.service
    bind:
      - {kind: tcp, host: 127.0.0.1, port: 8000, path: ""}
  become: true
"""

RETURN = r"""
ended:
  description: The command of the process that was ended.
  returned: changed
  type: str
"""

import os
import shlex
import signal
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

PATIENCE = 10.0
POLL_SECONDS = 0.1
ARGUMENTS = {
    "pid": {"type": "int", "required": True},
    "unit": {"type": "str", "required": True},
    "bind": {"type": "list", "elements": "dict", "required": True},
}


def holder(pid: int, unit: str, bind: list[dict[str, Any]]) -> dict[str, Any]:
    """The listener by which the process holds one of the addresses; empty where it does not."""
    found = sockets.listeners()
    for address in bind:
        for item in sockets.matching(address, found):
            if item["pid"] == pid and item["unit"] != unit:
                return item
    return {}


def _text(held: dict[str, Any]) -> str:
    return held["path"] or f"{held['host']}:{held['port']}"


def end(pid: int) -> bool:
    """Ask the process to end, then make it. Whether it is gone."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not os.path.isdir(f"/proc/{pid}"):
                return True
            time.sleep(POLL_SECONDS)
    return False


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    pid, unit = module.params["pid"], module.params["unit"]
    if pid <= 1:
        # 0 and below mean groups of processes to kill(2), ours among them.
        module.fail_json(msg=f"pid: {pid} is not a process that may be ended. Nothing was changed.")
    held = holder(pid, unit, module.params["bind"])
    if not held:
        module.exit_json(changed=False)
    other = held["unit"]
    if not module.check_mode:
        service = other.endswith(".service")
        undo_log.note_irreversible(
            f"process {pid} was ended, which held {_text(held)}: {held['command'][:200]}",
            f"systemctl start {shlex.quote(other)}" if service else "",
        )
        if service:
            module.run_command(["systemctl", "stop", "--", other], check_rc=True)
        elif not end(pid):
            module.fail_json(msg=f"process {pid} does not end")
    module.exit_json(changed=True, ended=held["command"][:300])


if __name__ == "__main__":
    main()
