#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have a unit run what is on disk now, and wait until it listens, in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: restart
short_description: Start or restart the app's unit, and wait until it listens
version_added: 0.4.0
description:
  - Starts a unit that is down, restarts one that is up, and waits until all its addresses accept connections.
  - Before that it loads unit files that changed on disk, resets failures and start limits, and opens the sockets that
    hand the app its requests.
  - Fails with systemd's words where systemd cannot start it, and immediately where the unit stops again meanwhile.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says that it would start or restart the unit. Whether that would succeed is not known then.
    support: full
options:
  unit:
    description: The app's systemd unit.
    type: str
    required: true
  bind:
    description: >-
      Where the app listens, each C({kind, host, port, path}) with kind C(tcp) or C(unix). Of kind C(fd), the socket is
      one of systemd's, which listens already.
    type: list
    elements: dict
    default: []
  timeout:
    description: For how many seconds to wait until it listens, once systemd has started it.
    type: float
    default: 15
"""

EXAMPLES = r"""
- name: The shop runs with what is on disk
  rescue502.django.restart:
    unit: shop.service
    bind:
      - {kind: tcp, host: 127.0.0.1, port: 8000}
  become: true
"""

RETURN = r"""
before:
  description: The unit's state before, in systemd's words.
  returned: success
  type: str
  sample: failed
waited:
  description: Seconds from the start of this task until the app listened.
  returned: changed
  type: float
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets, systemd, unit_conflicts

# How long systemd may take to stop and start the unit; its own limits are 90 s each (systemd-system.conf(5)).
MOST_SECONDS = 300.0
POLL_SECONDS = 0.05
# A unit's state costs 20 ms to ask.
STATE_SECONDS = 0.5
DOWN = ("inactive", "failed")
PROPERTIES = ["Id", "ActiveState", "SubState", "Result", "InvocationID", "NeedDaemonReload", "TriggeredBy"]
ARGUMENTS = {
    "unit": {"type": "str", "required": True},
    "bind": {"type": "list", "elements": "dict", "default": []},
    "timeout": {"type": "float", "default": 15},
}


class RestartError(Exception):
    """The unit does not run, or does not listen; the text says why."""


def state(unit: str) -> dict[str, str]:
    """A unit's state, and no other property: those may hold secrets. Raises RestartError where it knows none."""
    found = systemd.show_many([unit], PROPERTIES)
    if len(found) != 1:
        raise RestartError("systemd knows no unit of this name")
    return found[0]


def sockets_of(app: dict[str, str]) -> list[dict[str, str]]:
    """The states of the sockets by which systemd starts the unit: while one is closed, nobody can reach the app."""
    names = [name for name in systemd.words(app["TriggeredBy"]) if name.endswith(".socket")]
    return systemd.show_many(names, PROPERTIES)


def has_lost_its_file(socket_unit: str) -> bool:
    """Whether a socket unit listens on a file that was removed: nobody reaches it until the unit is started anew."""
    (shown,) = systemd.show_many([socket_unit], ["Listen"]) or [{}]
    names = [line.rpartition(" ")[0] for line in shown.get("Listen", "").splitlines()]
    return any(name.startswith("/") and not os.path.lexists(name) for name in names)


def must(*words: str) -> None:
    """Have systemctl change something. Raises RestartError with its words."""
    problem = systemd.change(*words, timeout=state_directory.seconds_left(MOST_SECONDS))
    if problem:
        raise RestartError(problem)


def run(unit: str) -> str:
    """Have systemd start the unit, or restart it, with all that it needs first. Raises RestartError.

    Returns why files that were changed were not loaded: somebody may be writing them, and what systemd has loaded
    starts. Empty where they were, or where nothing was changed.
    """
    app = state(unit)
    triggers = sockets_of(app)
    starts = [item["Id"] for item in (app, *triggers) if item["ActiveState"] in DOWN]
    if why := unit_conflicts.objection(starts):
        raise RestartError(why)
    stale = [item["Id"] for item in (app, *triggers) if item["NeedDaemonReload"] == "yes"]
    refused = next((words for name in stale if (words := systemd.objection(name))), "")
    if stale and not refused:
        must("daemon-reload")
        app = state(unit)
        triggers = sockets_of(app)
    names = [item["Id"] for item in triggers]
    # Whatever the state is: a unit in a crash loop may reach systemd's limit at any moment, and would then not start.
    # It fails for a unit that nothing keeps loaded, such as one that is disabled and stopped: that one has no limit.
    systemd.change("reset-failed", "--", unit, *names, timeout=systemd.SHOW_TIMEOUT)
    down = app["ActiveState"] in DOWN
    if any(item["ActiveState"] != "active" or has_lost_its_file(item["Id"]) for item in triggers):
        if not down:
            # systemd opens no socket for a service that runs already.
            must("stop", "--", unit, *names)
            down = True
        must("start", "--", *names)
    must("start" if down else "restart", "--", unit)
    return refused


def wait_until_listening(unit: str, binds: list[dict[str, Any]], seconds: float) -> None:
    """Wait until all addresses accept connections. Raises RestartError where the unit is down, or time is up."""
    begun = asked = time.monotonic()
    while silent := [f"{address(bind)} ({problem})" for bind in binds if (problem := sockets.connects(bind))]:
        now = time.monotonic()
        if now - asked >= STATE_SECONDS or now - begun >= seconds:
            asked = now
            app = state(unit)
            shown = f"{app['ActiveState']}, {app['SubState']}, result {app['Result']}"
            if app["ActiveState"] in DOWN:
                raise RestartError(f"systemd started it, and it stopped again: {shown}")
            if now - begun >= seconds:
                raise RestartError(f"it does not listen on {', '.join(silent)} {seconds:g} s after the start: {shown}")
        time.sleep(POLL_SECONDS)


def address(bind: dict[str, Any]) -> str:
    """An address as people write it."""
    return str(bind["path"]) if bind["kind"] == "unix" else f"{bind['host']}:{bind['port']}"


def is_another(before: dict[str, str], unit: str) -> bool:
    """Whether the unit has been started since, or is in another state."""
    now = state(unit)
    return any(now[name] != before[name] for name in ("InvocationID", "ActiveState"))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    unit, begun, changed = module.params["unit"], time.monotonic(), False
    binds = [bind for bind in module.params["bind"] if bind["kind"] != "fd"]
    try:
        before = state(unit)
        if module.check_mode:
            module.exit_json(changed=True, before=before["ActiveState"])
        try:
            if refused := run(unit):
                module.warn(
                    f"{unit} was started as systemd has it loaded; its files on disk would not start: {refused}"
                )
            wait_until_listening(unit, binds, module.params["timeout"])
        finally:
            changed = is_another(before, unit)
    except (RestartError, systemd.SystemdError) as error:
        module.fail_json(msg=f"{unit}: {error}", changed=changed)
    module.exit_json(changed=changed, before=before["ActiveState"], waited=round(time.monotonic() - begun, 2))


if __name__ == "__main__":
    main()
