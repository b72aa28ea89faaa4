#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pause a host, so that no run changes it until a given time, or end the pause."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pause
short_description: Pause a host for a while, or end its pause
version_added: 0.4.0
description:
  - While a host is paused, no run repairs, deploys or takes back anything there; a diagnosis and a verification are as
    always. A run that is at work when the pause begins goes on to its end.
  - The pause is a file on the host that root alone can write, C(/var/lib/rescue502/pause.json). It ends by itself, and
    whatever the clock does, seven days after it was written.
  - Used in a playbook it is an action that adds by itself who pauses the host.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether the host is paused; writes nothing.
    support: full
options:
  state:
    description: Whether the host is to be paused.
    type: str
    choices: [paused, resumed]
    default: paused
  lasts_until:
    description: A time with its zone (2026-01-31T22:00:00Z), or for how long (90m, 2h, 3d); at most seven days.
    type: str
    default: ''
  by:
    description: Who pauses the host.
    type: str
    default: ''
  reason:
    description: Why.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Nobody repairs the host while its database is moved
  rescue502.django.pause:
    lasts_until: 2h
    reason: the database is moved

- name: The host may be repaired again
  rescue502.django.pause:
    state: resumed
"""

RETURN = r"""
paused:
  description: The pause that holds now, with C(until) in seconds since the epoch, C(by) and C(reason); empty for none.
  returned: success
  type: dict
at_work:
  description: The run or lease that has the host now, which goes on; empty for none.
  returned: success
  type: dict
report:
  description: Lines for a person; of the action alone.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.run import pause
from ansible_collections.rescue502.django.plugins.module_utils.run.run_lock import Lock

ARGUMENTS = {
    "state": {"type": "str", "choices": ["paused", "resumed"], "default": "paused"},
    "lasts_until": {"type": "str", "default": ""},
    "by": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=ARGUMENTS, supports_check_mode=True, required_if=[("state", "paused", ("lasts_until",))]
    )
    given, before = module.params, pause.current()
    try:
        if not module.check_mode and given["state"] == "paused":
            pause.begin(given["lasts_until"], given["by"], given["reason"])
        elif not module.check_mode:
            pause.end()
    except (ValueError, OSError) as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    now = pause.current()
    lock = Lock("", "", {}, make=False)
    module.exit_json(changed=now != before, paused=now, at_work=lock.other())


if __name__ == "__main__":
    main()
