#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask nginx whether its configuration is valid, as the account that it is run as."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nginx_test
short_description: Ask nginx whether its configuration is valid
version_added: 0.3.0
description:
  - Runs C(nginx -t), and fails with what nginx says where the configuration is not valid.
  - Runs it as the account of nginx's master process, else of its unit, because nginx makes the folders that its
    configuration names, and gives them away where root asks an nginx that is not root's.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Asks too, and changes nothing.
    support: full
options: {}
"""

EXAMPLES = r"""
- name: The configuration of nginx is valid
  rescue502.django.nginx_test:
  become: true
"""

RETURN = r"""
account:
  description: The account that asked.
  returned: always
  type: str
unit:
  description: The unit that runs nginx, or is to.
  returned: always
  type: str
"""

import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_test, nginx_unit
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        account = nginx_test.account()
        done = nginx_test.run(account, "-t", "-q")
    except (OSError, subprocess.SubprocessError, systemd.SystemdError) as error:
        module.fail_json(msg=f"nginx was not asked: {error}. Nothing was changed.")
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        module.fail_json(msg=f"nginx does not take its configuration: {said}. Nothing was changed.")
    module.exit_json(changed=False, account=account, unit=nginx_unit.name())


if __name__ == "__main__":
    main()
