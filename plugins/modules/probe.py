#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collect the evidence of one Django app, without changing anything."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: probe
short_description: Collect the evidence of one Django app behind nginx
version_added: 0.1.0
description:
  - Looks at a Django app that runs the common way, nginx in front of gunicorn under systemd with PostgreSQL behind it,
    and returns what is true now, layer by layer.
  - Changes nothing, but for its own memory where I(remember) says so. It asks the edge first and, with I(level=auto),
    stops there when all is well.
  - Secrets are masked before anything leaves the host.
extends_documentation_fragment: [rescue502.django.discovery, rescue502.django.attributes.looks_only]
author:
  - rescue502 maintainers (@rescue502)
options:
  health_url:
    description: The backend asked directly, past nginx.
    type: str
    default: ''
  health_json:
    description: Keys, or keys with values, that the health answer must hold.
    type: raw
  edge:
    description: What must answer through nginx. Discovered from nginx's configuration unless given.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: The address.
        type: str
        required: true
      name:
        description: What to call this check.
        type: str
      host:
        description: What to send as C(Host) and as TLS server name, where the URL names an address.
        type: str
      status:
        description: The status that the answer must have.
        type: int
        default: 200
      json:
        description: Keys, or keys with values, that the answer must hold.
        type: raw
      verify_tls:
        description: Whether the certificate must be valid.
        type: bool
        default: true
      cors:
        description: Whether I(cors_origin) must be allowed here.
        type: bool
        default: true
      preflight:
        description:
          - Asks as a browser does before a request of this method, such as C(POST) with JSON, or C(PUT). Such a request
            changes nothing. Needs I(cors_origin).
        type: str
      preflight_headers:
        description: Headers which that request would have, such as C(content-type) and C(authorization).
        type: list
        elements: str
  cors_origin:
    description: The front end's origin, which the answers must allow.
    type: str
    default: ''
  level:
    description: How much to look at.
    type: str
    choices: [auto, full, stack]
    default: auto
  hold_seconds:
    description: For how many seconds a well edge must stay well, without a restart of the unit.
    type: float
    default: 0
  settle_seconds:
    description: For how many seconds to wait for an edge that is not well yet, where the unit waits to be started.
    type: float
    default: 0
  patient:
    description: Whether to wait for a unit that runs already too, as after a remedy.
    type: bool
    default: false
  until_steady:
    description: Whether to stop waiting where the app itself, no proxy in its place, keeps giving the same answers.
    type: bool
    default: false
  unprivileged:
    description:
      - Whether to look without root too. What only root may read is then left out and listed, and counts as unknown.
      - The app's code is run as the app's user or not at all.
    type: bool
    default: false
  shadow_start:
    description:
      - Whether the app is started for trial where the edge is not well, for seconds and on a socket of its own, and
        given the requests that fail. What it starts or writes by being started, it does once more.
    type: bool
    default: true
  edge_timeout:
    description: How many seconds one edge check may take.
    type: float
    default: 5
  remember:
    description:
      - Id of the incident under which the state is kept as the last good one, where a quick look finds all well.
        Where it is empty, or in check mode, nothing is kept. See M(rescue502.django.baseline).
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: The evidence is at hand
  rescue502.django.probe:
    unit: shop.service
    level: full
  become: true
  register: probed
"""

RETURN = r"""
evidence:
  description: What was found, by layer. See docs/evidence.md.
  returned: success
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.probe.options import OPTIONS
from ansible_collections.rescue502.django.plugins.module_utils.probe.probe import probe
from ansible_collections.rescue502.django.plugins.module_utils.stack.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.system.systemd import SystemdError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    if os.geteuid() != 0 and not module.params["unprivileged"]:
        module.fail_json(
            msg="this needs root, to read the unit's environment, to rehearse as the app's user, and to repair: "
            "set `become: true` (or run with --become). Nothing was changed."
        )
    remembered = "" if module.check_mode else module.params["remember"]
    try:
        evidence = probe({**module.params, "remember": remembered})
    except (StackError, SystemdError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, evidence=evidence)


if __name__ == "__main__":
    main()
