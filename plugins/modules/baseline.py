#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the state of an app that was found to be well, so that a later diagnosis can report what has changed since."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: baseline
short_description: Keep the last good state of a Django app on its host
version_added: 0.3.0
description:
  - Keeps the commit, the installed packages, and marks of the unit files, the nginx configuration, owners and modes and
    the variables of an app, in C(/var/lib/rescue502/baseline), which root alone may enter.
  - Neither a value of a variable nor the content of a file is kept. The marks show whether two are the same; they are
    made with a key that never leaves the host.
  - Call it only where the app is known to be well. M(rescue502.django.diagnose) does so after a full look that finds
    nothing wrong; after a quick one, M(rescue502.django.probe) has done so by itself.
  - It is rescue502's own memory and no state of the host, so that it never counts as a change.
extends_documentation_fragment: [rescue502.django.discovery, rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Keeps nothing.
    support: full
options:
  state:
    description: That the state is kept, as the only thing there is to do.
    type: str
    choices: [taken]
    default: taken
  incident:
    description: Id of the run that found the app to be well.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: The state that a smoke test has proved is kept
  rescue502.django.baseline:
    unit: shop.service
  become: true
"""

RETURN = r"""
remembered:
  description: C(kept), C(unchanged) where the same state was kept before, or why nothing was kept.
  returned: success
  type: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.baseline import baseline
from ansible_collections.rescue502.django.plugins.module_utils.probe.options import DISCOVERY, OPTIONS
from ansible_collections.rescue502.django.plugins.module_utils.stack.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.stack.discovery import discover
from ansible_collections.rescue502.django.plugins.module_utils.system.systemd import SystemdError

ARGUMENTS = {
    "state": {"type": "str", "choices": ["taken"], "default": "taken"},
    "incident": {"type": "str", "default": ""},
    **{name: OPTIONS[name] for name in DISCOVERY},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if os.geteuid() != 0:
        module.fail_json(msg="the last good state is root's to keep: set `become: true`. Nothing was changed.")
    if module.check_mode:
        module.exit_json(changed=False, remembered="not kept: check mode")
    try:
        stack = discover(module.params)
    except (StackError, SystemdError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, remembered=baseline.remember(stack, module.params["incident"], rehearsed=True))


if __name__ == "__main__":
    main()
